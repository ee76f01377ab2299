// What goes wrong at moments of its own, not on occasions: kills, stops, pauses, partitions, restarts, lost permissions,
// wrong clocks, and what operators do. Each kind has its own stream; all end with the first phase.
import { subjects } from '../../adapters/nats/subjects.js';
import type { BusClient } from './bus-client.js';
import type { RateName } from './options.js';
import { policyHashes } from './policy-hashes.js';
import type { Random } from './random.js';
import type { Stage } from './stage.js';

/** The gate explores each of them once in a process, which takes its time: not every pair there is. */
const moves = [
  ['delete-and-report', 'deliver-late'],
  ['delete-and-report', 'hold-for-operator'],
  ['deliver-late', 'hold-for-operator'],
  ['deliver-late', 'delete-and-report'],
  ['hold-for-operator', 'delete-and-report'],
  ['notify-and-pull', 'delete-and-report'],
] as const;

export class Faults {
  constructor(private readonly simulation: Stage) {
    this.every('killsPerMinute', () => simulation.process.kill('by chance'));
    this.every('stopsPerMinute', () => simulation.process.stop());
    this.every('pausesPerMinute', (random) =>
      simulation.process.pause(random.spread(50, 30_000), random.chance(0.5)),
    );
    this.every('partitionsPerMinute', (random) => this.partition(random));
    this.every('busRestartsPerMinute', (random) => this.restartBus(random));
    this.every('revokedPerMinute', (random) => this.revoke(random));
    this.every('clockStepsPerMinute', (random) => this.stepClock(random));
    this.every('clockLeapsPerMinute', (random) => this.leapClock(random));
    this.every('proxyRestartsPerMinute', (random) => random.pick(simulation.proxies).restart());
    this.every('proxyForgetsPerMinute', (random) => random.pick(simulation.proxies).forget());
    this.every('forgedPerMinute', (random) => this.forge(random));
    this.every('flapsPerMinute', (random) => random.pick(simulation.people.phones).flap());
    this.every('userActsPerMinute', () => simulation.people.userActs());
    this.every('operatorActsPerMinute', (random) => this.operate(random));
    this.every('withdrawalsPerMinute', (random) => simulation.people.withdraws(random));
    this.every('preferencesPerMinute', (random) => simulation.people.wishes(random));
    this.every('requestsPerMinute', (random) => simulation.people.requests(random));
    this.every('policySwitchesPerMinute', (random) => this.switchPolicy(random));
    this.every('subscriptionsPerMinute', (random) => simulation.people.watchers.subscribes(random));
    this.every('migrationsPerMinute', (random) => this.migrate(random));
    if (simulation.options.rates.stepFails > 0)
      this.often(2, simulation.random.named('freeing'), (random) => this.free(random));
    const drift = simulation.options.rates.driftShare;
    if (drift > 0)
      simulation.wall.drifts(simulation.random.named('drift').chance(0.5) ? drift : -drift);
  }

  private every(name: RateName, act: (random: Random) => void): void {
    const { simulation } = this;
    const rate = simulation.options.rates[name];
    if (rate > 0) this.often(rate, simulation.random.named(name), act);
  }

  private often(rate: number, random: Random, act: (random: Random) => void): void {
    const { simulation } = this;
    const wait = () => (-Math.log(1 - random.float()) * 60_000) / rate;
    const happen = () => {
      if (simulation.calm) return;
      act(random);
      simulation.scheduler.after(wait(), happen);
    };
    simulation.scheduler.after(wait(), happen);
  }

  private get clients(): readonly BusClient[] {
    const { process, proxies } = this.simulation;
    const engine = process.life === null ? [] : [process.life.client];
    return [...engine, ...proxies.map((one) => one.client)];
  }

  // Known to the client, or silent: core NATS may not notice for a while.
  private partition(random: Random): void {
    const { simulation } = this;
    const client = random.pick(this.clients);
    const known = random.chance(0.5);
    simulation.trace('bus', client.name, known ? 'is disconnected' : 'is parted silently');
    client.parted = true;
    if (known) simulation.bus.tell(client, 'disconnected');
    simulation.scheduler.after(random.spread(100, 40_000), () => {
      client.parted = false;
      if (client.reason === 'disconnected') simulation.bus.tell(client, null);
    });
  }

  private restartBus(random: Random): void {
    const { simulation } = this;
    simulation.trace('bus', 'restarts');
    simulation.bus.restart();
    for (const client of this.clients) {
      client.parted = true;
      simulation.bus.tell(client, 'disconnected');
      simulation.scheduler.after(random.spread(50, 10_000), () => {
        client.parted = false;
        simulation.bus.tell(client, null);
      });
    }
  }

  private revoke(random: Random): void {
    const { simulation } = this;
    const client = simulation.process.life?.client;
    if (client === undefined) return;
    simulation.trace('bus', 'the engine may not publish');
    simulation.bus.tell(client, 'permissions-violation');
    simulation.scheduler.after(random.spread(500, 60_000), () => simulation.bus.tell(client, null));
  }

  private stepClock(random: Random): void {
    const ms = random.chance(0.5) ? random.between(100, 9000) : -random.spread(100, 100_000);
    this.simulation.trace('clock', 'steps', Math.trunc(ms));
    this.simulation.wall.step(ms, true);
  }

  // Further than anybody believes, and back after a while.
  private leapClock(random: Random): void {
    const ms = random.spread(11_000, 1e11);
    this.simulation.trace('clock', 'leaps', Math.trunc(ms));
    this.simulation.wall.step(ms, false);
    this.simulation.scheduler.after(random.spread(1000, 60_000), () =>
      this.simulation.wall.right(),
    );
  }

  // An outcome whose token is a guess (C22).
  private forge(random: Random): void {
    const { simulation } = this;
    const effectId = simulation.model.anyPending(random.u32());
    const status = random.pick([200, 200, 486, 603]);
    const token = Array.from({ length: 26 }, () =>
      random.pick([...'abcdefghijklmnopqrstuvwxyz234567']),
    );
    if (effectId === null) return;
    simulation.trace('bus', 'carries a forged outcome', status, effectId);
    const line = `v1 k1 ${effectId} ${token.join('')} ${status} reply`;
    simulation.bus.publish(simulation.proxies[0]!.client, subjects.outcome, line);
  }

  private operate(random: Random): void {
    const { model, process } = this.simulation;
    const id = model.anyWaiting(random.u32());
    const act = random.pick(['delete', 'expire', 'retry', 'release', 'drop', 'extend'] as const);
    if (id === null) return;
    this.simulation.trace('operator', act, id);
    process.submit({ type: 'operator.acted', deferredId: id, act, by: 'operator' });
  }

  // Some parked message hears again what it failed on, or is ended by hand.
  private free(random: Random): void {
    const { model, process } = this.simulation;
    const id = model.anyParked(random.u32());
    const act = random.pick(['retry', 'force'] as const);
    if (id === null) return;
    this.simulation.trace('operator', act, id);
    process.submit({ type: 'operator.acted', deferredId: id, act, by: 'operator' });
  }

  private get policies(): readonly (readonly [string, string])[] {
    const { notices } = this.simulation.options;
    return [...policyHashes].filter(([name]) => notices || name !== 'notify-and-pull');
  }

  // What lives under one policy, to another where all have a place to go, or only some.
  private migrate(random: Random): void {
    const [left, id] = random.pick(moves);
    const hash = policyHashes.get(id)!;
    const from = [policyHashes.get(left)!];
    const mode = random.chance(0.4) ? 'force' : 'migrate';
    this.simulation.trace('operator', mode === 'force' ? 'forces' : 'moves', `${left} to ${id}`);
    const command = { type: 'policy.activated', hash, mode, from, by: 'operator' } as const;
    this.simulation.process.submit({ ...command, reason: 'sim' });
  }

  private switchPolicy(random: Random): void {
    const [id, hash] = random.pick(this.policies);
    this.simulation.trace('operator', 'activates', id);
    const { process } = this.simulation;
    process.submit({ type: 'policy.activated', hash, mode: 'new', by: 'operator', reason: 'sim' });
  }
}
