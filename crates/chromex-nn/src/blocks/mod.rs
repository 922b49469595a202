//! The blocks that networks share.

mod attention;
mod feed_forward;
mod norm;
mod transformer;

pub use attention::{SelfAttention, SelfAttentionConfig};
pub use feed_forward::{Activation, FeedForward, FeedForwardConfig};
pub use norm::{LayerNorm, LayerNormConfig};
pub use transformer::{NormPlacement, TransformerBlock, TransformerBlockConfig};
