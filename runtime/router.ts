// From a command to the partition that decides it. One command belongs to exactly one partition; what names a message of
// another store, or nothing of ours, goes to the shared partition and is refused there. Knows no rows.
import type { Command } from './commands.js';
import type { Identities } from './identity.js';
import { partitionOf, partitionOfLocal, sharedPartition } from './keys.js';

/** The partition a command is decided in. */
export function partitionFor(command: Command, identities: Identities): number {
  switch (command.type) {
    case 'message.received':
      return partitionOf(command.message.aor);
    case 'message.unacknowledged':
    case 'session.ended':
    case 'operator.acted':
      return partitionOfMessage(command.deferredId, identities);
    case 'disposition.passed':
    case 'message.withdrawn':
      return partitionOf(command.sent.aor);
    case 'effect.answered':
      return partitionOfLocal(command.effectId.split('-')[1] ?? '') ?? sharedPartition;
    case 'policy.installed':
    case 'policy.activated':
    case 'policy.deactivated':
    case 'rules.activated':
      return sharedPartition;
    default:
      return partitionOf(command.aor);
  }
}

function partitionOfMessage(deferredId: string, identities: Identities): number {
  const local = identities.localOf(deferredId);
  return (local === null ? null : partitionOfLocal(local)) ?? sharedPartition;
}
