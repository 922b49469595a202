use std::cell::Cell;

use burn::Tensor;
use burn::tensor::{DType, FloatDType};
use serde::{Deserialize, Serialize};

use crate::{Device, Error, Result};

/// In what numbers training multiplies.
///
/// Weights, their gradients and the optimiser's state are single precision always, and so are normalisations, softmax and losses;
/// the products of linear layers, attention and vocabulary may be of two bytes, which a GPU with tensor cores computes several
/// times faster (Micikevicius et al. 2018, doi:10.48550/arXiv.1710.03740). Convolutions and recurrent layers stay single.
/// Predictions are computed in single precision whatever the training was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Single precision, 4 bytes, everywhere.
    #[default]
    Single,
    /// Two bytes with the range of single precision and 8 bits of mantissa: GPUs since NVIDIA's Ampere.
    Bfloat16,
    /// IEEE half precision: 11 bits of mantissa and a narrow range, for older GPUs. The loss is multiplied on the way back, so that
    /// small gradients do not vanish, by a factor that halves whenever one overflows; such a step moves nothing.
    Half,
}

thread_local! {
    /// What the products of this thread are computed in. Networks are built of functions that know nothing of their training.
    static PRODUCTS: Cell<Precision> = const { Cell::new(Precision::Single) };
}

impl Precision {
    pub(crate) fn is_single(&self) -> bool {
        *self == Self::Single
    }

    fn kind(self) -> Option<FloatDType> {
        match self {
            Self::Single => None,
            Self::Bfloat16 => Some(FloatDType::BF16),
            Self::Half => Some(FloatDType::F16),
        }
    }

    /// Refuses a device that does not compute in these numbers.
    pub(crate) fn check(self, device: &Device) -> Result<()> {
        match self.kind() {
            Some(kind) if !device.supports_dtype(kind) => Err(Error::Setting {
                name: "precision",
                expected: format!("single: {device:?} does not compute in {kind:?}"),
                found: format!("{self:?}"),
            }),
            _ => Ok(()),
        }
    }

    /// Computes the products of the work on this thread in these numbers.
    pub(crate) fn within<R>(self, work: impl FnOnce() -> R) -> R {
        struct Restore(Precision);
        impl Drop for Restore {
            fn drop(&mut self) {
                PRODUCTS.set(self.0);
            }
        }
        let _restore = Restore(PRODUCTS.replace(self));
        work()
    }
}

/// Tells in what two-byte numbers products of a tensor are to be computed, if in any.
pub(crate) fn products<const D: usize>(tensor: &Tensor<D>) -> Option<FloatDType> {
    PRODUCTS
        .get()
        .kind()
        .filter(|_| tensor.dtype() == DType::F32)
}

/// What the loss is multiplied by on the way back, so that gradients fit into half precision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LossScale {
    pub(crate) factor: f64,
    steps_since_change: u32,
}

impl Default for LossScale {
    fn default() -> Self {
        Self {
            factor: 65536.0,
            steps_since_change: 0,
        }
    }
}

impl LossScale {
    /// Steps without overflow after which the factor is doubled.
    const PATIENCE: u32 = 2000;
    /// Below, it is not the factor that makes gradients overflow.
    const SMALLEST: f64 = 1.0 / 1024.0;

    /// Moves the factor after a step; tells whether training can go on.
    pub(crate) fn follow(&mut self, finite: bool) -> bool {
        self.steps_since_change += 1;
        if !finite {
            self.factor /= 2.0;
            self.steps_since_change = 0;
        } else if self.steps_since_change == Self::PATIENCE {
            self.factor *= 2.0;
            self.steps_since_change = 0;
        }
        self.factor >= Self::SMALLEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_returns_to_its_numbers_even_from_a_panic() {
        let tensor = Tensor::<1>::zeros([1], &Device::default());
        Precision::Half.within(|| {
            assert_eq!(products(&tensor), Some(FloatDType::F16));
            let inner = || assert_eq!(products(&tensor), Some(FloatDType::BF16));
            Precision::Bfloat16.within(inner);
            assert_eq!(products(&tensor), Some(FloatDType::F16));
        });
        let unwound = std::panic::catch_unwind(|| Precision::Half.within(|| panic!("on purpose")));
        assert!(unwound.is_err());
        assert_eq!(products(&tensor), None);
    }

    #[test]
    fn the_factor_halves_on_overflow_and_doubles_after_long_peace() {
        let mut scale = LossScale::default();
        assert!(scale.follow(false));
        assert_eq!(scale.factor, 32768.0);
        for _ in 0..LossScale::PATIENCE {
            assert_eq!(scale.factor, 32768.0);
            assert!(scale.follow(true));
        }
        assert_eq!(scale.factor, 65536.0);
        let overflows = (0..).take_while(|_| scale.follow(false)).count();
        assert_eq!(overflows, 26);
    }
}
