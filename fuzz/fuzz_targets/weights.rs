//! Searches the parser of published weights.

#![cfg_attr(fuzzing, no_main)]

chromex_fuzz::target!(chromex_fuzz::parsers::weights);
