// Damage that must be noticed before anything is served (reliability R8 to R10): while the engine is down a copy of the
// disk gets a flipped bit, loses a row, or loses its newest batches below the watermark; an engine opened on the copy
// must refuse. Then the real disk is booted, unharmed.
import { openRuntime } from '../../runtime/index.js';
import { clockOf } from './clock.js';
import { compiledOnce, judgeOnce, parsedOnce } from './compiled.js';
import type { Disk } from './disk.js';
import { Life } from './life.js';
import type { Random } from './random.js';
import type { Stage } from './stage.js';
import { SimulatedStore } from './store.js';

export class Damage {
  private readonly random: Random;

  constructor(private readonly simulation: Stage) {
    this.random = simulation.random.named('damage');
  }

  /** Runs `boot`, after a trial with a damaged copy where one is due. */
  beforeBoot(boot: () => void): void {
    const { simulation, random } = this;
    if (!random.chance(simulation.rate('damagedAtBoot'))) {
      boot();
      return;
    }
    const hurt = this.damaged();
    if (hurt === null) boot();
    else void this.mustRefuse(hurt.disk, hurt.what).then(boot);
  }

  private damaged(): { readonly disk: Disk; readonly what: string } | null {
    const kind = this.random.below(3);
    if (kind === 0) return this.flipped();
    return kind === 1 ? this.missing() : this.rolledBack();
  }

  private flipped(): { disk: Disk; what: string } {
    const disk = this.simulation.disk.copy();
    const key = this.random.pick(disk.keys);
    const value = Uint8Array.from(disk.get(key)!);
    const bit = this.random.below(value.length * 8);
    value[bit >> 3]! ^= 1 << (bit & 7);
    disk.write(key, value);
    return { disk, what: `bit ${bit} of ${key} is flipped` };
  }

  // An empty partition whose meta row is gone is an empty partition.
  private missing(): { disk: Disk; what: string } | null {
    const disk = this.simulation.disk.copy();
    const rows = disk.keys.filter((key) => key[3] !== 'm');
    const key = this.random.pick(rows);
    disk.write(key, null);
    return { disk, what: `${key} is missing` };
  }

  private rolledBack(): { disk: Disk; what: string } | null {
    const { disk: real } = this.simulation;
    if (real.mark === null || real.remembered < 3) return null;
    const disk = real.copy();
    const sum = JSON.parse(Buffer.from(real.get('~sum')!.subarray(9)).toString()) as {
      seq: number;
    };
    const count = sum.seq - real.mark.seq + 1 + this.random.below(3);
    if (!real.takenBackInto(disk, count)) return null;
    return { disk, what: `the last ${count} batches are gone` };
  }

  private async mustRefuse(disk: Disk, what: string): Promise<void> {
    const { simulation } = this;
    simulation.trace('damage', what);
    const life = new Life(0, simulation.scheduler.nowMs);
    const store = new SimulatedStore(simulation, life, disk);
    let exited = false;
    try {
      const opened = await openRuntime(store, {
        clock: clockOf(simulation, life),
        entropy: { bytes: (count) => new Uint8Array(count) },
        parsePolicy: parsedOnce,
        compile: compiledOnce,
        judge: judgeOnce,
        effects: { ready: () => false, send: () => {} },
        exit: () => {
          exited = true;
        },
      });
      await opened.ready;
      if (!exited) simulation.violated('R10', `${what}, and the engine serves`);
    } catch {
      // Refused, as it must be.
    }
    life.dead = true;
  }
}
