// The public face of adapters/simulator/.
export type { Attempt, Life, LifeStep, Story } from './lives.js';
export { playScenario, type SimulatorCodec } from './player.js';
export {
  type ReadScenario,
  readScenario,
  type Scenario,
  type ScenarioStep,
  scenarioSchema,
} from './scenario.js';
export { shippedScenario, shippedScenarioIds } from './shipped.js';
export { spanText, storyText, summaryRows } from './story-text.js';
