/**
 * Loaded before every test file (`--import`): properties are tried with the same cases each time, so that a red run is
 * about the change at hand. `PROPERTY_SEED=7 npm test` looks elsewhere.
 */
import { configureGlobal } from 'fast-check'

const SEED_DEFAULT = 1

configureGlobal({ seed: Number(process.env['PROPERTY_SEED'] ?? SEED_DEFAULT) })
