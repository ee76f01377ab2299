// Every verb of the command line, in the order the help shows them.
import { clockAdvance, clockConfirm, clockSet } from './clock.js';
import { configCheck, configPrint } from './config.js';
import { demo } from './demo.js';
import { kamailioCheck } from './kamailio.js';
import {
  messagesDelete,
  messagesDrop,
  messagesExpire,
  messagesExtend,
  messagesForce,
  messagesList,
  messagesRelease,
  messagesRetry,
  messagesShow,
  messagesWithdraw,
} from './messages.js';
import { policyChart, policyInstall, policyList, policyShow } from './policy.js';
import { policyActivate, policyDeactivate, policyHistory } from './policy-activate.js';
import { policyCheck, printPolicySchema } from './policy-check.js';
import { policyDiff } from './policy-diff.js';
import { policyRulesActivate, policyRulesCheck, policyRulesShow } from './policy-rules.js';
import { policyShadow } from './policy-shadow.js';
import { policySimulate } from './policy-simulate.js';
import {
  preferencesImport,
  preferencesReset,
  preferencesSet,
  preferencesShow,
} from './preferences.js';
import { serve } from './serve.js';
import { storeStats, storeVerify } from './store.js';
import type { Verb } from './verb.js';

export const verbs: readonly Verb[] = [
  serve,
  demo,
  messagesList,
  messagesShow,
  messagesDelete,
  messagesExpire,
  messagesRetry,
  messagesWithdraw,
  messagesForce,
  messagesRelease,
  messagesDrop,
  messagesExtend,
  preferencesShow,
  preferencesSet,
  preferencesReset,
  preferencesImport,
  policyList,
  policyShow,
  policyCheck,
  printPolicySchema,
  policyChart,
  policySimulate,
  policyDiff,
  policyShadow,
  policyInstall,
  policyActivate,
  policyDeactivate,
  policyHistory,
  policyRulesShow,
  policyRulesCheck,
  policyRulesActivate,
  storeStats,
  storeVerify,
  clockConfirm,
  clockSet,
  clockAdvance,
  configCheck,
  configPrint,
  kamailioCheck,
];
