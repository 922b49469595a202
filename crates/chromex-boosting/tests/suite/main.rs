//! Tests of the crate as a caller sees it.

// Tables that are only bins, and forests grown on them.
mod bins_and_forests;
// Classical learners against scikit-learn, saved and read back.
mod classical;
// The lasso by cross-validation against scikit-learn.
mod cross_validated;
// What XGBoost says of its own models.
mod explanations;
// What XGBoost and scikit-learn gave on the same tables.
mod golden;
// Models of XGBoost, read and written back.
mod interchange;
// Model files with damage, from accident or malice.
mod mutations;
// The booster as an algorithm of linfa.
mod linfa_traits;
// What holds for every table: against another booster, other row orders, other thread counts.
mod properties;
// The published sample of DeepDiff, where CHROMEX_DATA names the folder that holds it.
mod real_data;
// Five real tables, fitted with XGBoost's parameters.
mod real_tables;
// What two ways of saying the same must give.
mod equalities;
// Every learner with one thread and several.
mod threads;
// Tables that offer nothing, or nothing sound.
mod odd_tables;
// What a stored model must survive, and what is refused.
mod stored;
