// The face of the Kamailio adapter: its configuration files are read by Kamailio, this is what programs use.
export {
  checkKamailioConfig,
  checkKamailioFile,
  type KamailioFinding,
  type KamailioFindingCode,
} from './check.js';
