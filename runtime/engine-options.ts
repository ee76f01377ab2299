// What a runtime is opened with, once its store has been found sound.
import type { Compiled } from '../machines/index.js';
import type { Judge, JudgeMove } from './gate.js';
import type { World } from './ports.js';
import type { StoreHead } from './recovery.js';
import type { Notice, RuntimeSettings } from './turn.js';

export interface EngineOptions {
  readonly world: World;
  readonly head: StoreHead;
  readonly settings: RuntimeSettings;
  readonly clockTrusted: boolean;
  /** Answers questions only. */
  readonly readOnly: boolean;
  /** Null, or why nothing new may be stored now. */
  readonly gate: () => 'store-full' | null;
  /** Hears every notice after its commit: logs, metrics, subscriptions. */
  readonly listener?: (notice: Notice) => void;
  readonly compile?: (source: unknown) => Compiled;
  readonly judge?: Judge;
  readonly judgeMove?: JudgeMove;
}
