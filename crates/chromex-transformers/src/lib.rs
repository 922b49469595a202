//! GPT-2 and its relatives on one shared transformer block, with published weights.
