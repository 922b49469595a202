//! Searches the parser of boosted and linear models.

#![cfg_attr(fuzzing, no_main)]

chromex_fuzz::target!(chromex_fuzz::parsers::boosting);
