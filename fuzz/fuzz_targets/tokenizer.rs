//! Searches the parser of tokenizers.

#![cfg_attr(fuzzing, no_main)]

chromex_fuzz::target!(chromex_fuzz::parsers::tokenizer);
