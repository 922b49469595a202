//! Searches the parser of DeepChrome's rows.

#![cfg_attr(fuzzing, no_main)]

chromex_fuzz::target!(chromex_fuzz::parsers::deepchrome);
