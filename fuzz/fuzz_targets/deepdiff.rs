//! Searches the parser of DeepDiff's rows.

#![cfg_attr(fuzzing, no_main)]

chromex_fuzz::target!(chromex_fuzz::parsers::deepdiff);
