//! Tests of the crate as a caller sees it.

// Tables that are cut, changed, or not tables at all.
mod hostile;
// The published sample of DeepDiff, where CHROMEX_DATA names the folder that holds it.
mod real_data;
// What the simulator draws against what was measured on the published sample.
mod simulated;
