//! DeepDiff: its seven variants, and the network that they are shapes of.

mod config;
mod network;

pub use config::{DeepDiffConfig, RawInputs};
pub use network::DeepDiff;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::layout_of;
    use burn::module::Module;
    use chromex_nn::Device;

    #[test]
    fn the_seven_variants_have_their_parameters() {
        let expected = [
            ("raw_d", 55_681),
            ("raw_c", 100_801),
            ("raw", 145_921),
            ("aux", 113_475),
            ("raw_aux", 257_283),
            ("aux_siamese", 68_355),
            ("raw_aux_siamese", 212_163),
        ];
        for ((name, config), (published, count)) in
            DeepDiffConfig::published().into_iter().zip(expected)
        {
            assert_eq!((name, config.parameter_count(5)), (published, count));
            let network = config
                .init(&layout_of(200, 5), 1, &Device::default())
                .unwrap();
            assert_eq!(network.num_params(), count, "{name}");
        }
    }

    #[test]
    fn variants_that_would_read_nothing_are_refused() {
        let nothing = DeepDiffConfig {
            raw: None,
            ..DeepDiffConfig::raw_d()
        };
        assert!(
            nothing
                .init(&layout_of(200, 5), 1, &Device::default())
                .is_err()
        );
    }
}
