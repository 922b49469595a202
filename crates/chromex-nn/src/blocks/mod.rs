//! The blocks that networks share.

mod attention;
mod convolution;
mod dropout;
mod feed_forward;
mod norm;
mod recurrent;
mod transformer;

pub use attention::{SelfAttention, SelfAttentionConfig};
pub use convolution::{Convolution, ConvolutionConfig, Padding};
pub use dropout::Dropout;
pub use feed_forward::{Activation, FeedForward, FeedForwardConfig};
pub use norm::{LayerNorm, LayerNormConfig};
pub use recurrent::{RecurrentEncoders, RecurrentEncodersConfig};
pub use transformer::{NormPlacement, TransformerBlock, TransformerBlockConfig};
