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
    fn attention_of_marks_in_another_order_stands_under_their_names() {
        use chromex_core::{CellPair, MarkWindows};
        use ndarray::{Array3, Axis};
        let windows = |cell: usize, places: &[usize]| {
            let signal = Array3::from_shape_fn((2, 6, 3), |(row, bin, mark)| {
                ((cell + row * 5 + bin * 3 + mark * 7) % 9) as f32
            });
            let marks = places
                .iter()
                .map(|&place| ["a", "b", "c"][place].to_owned());
            MarkWindows::new(signal.select(Axis(2), places), marks.collect(), 100).unwrap()
        };
        let pair =
            |places: &[usize]| CellPair::new(windows(0, places), windows(1, places)).unwrap();
        let device = Device::default();
        for config in [DeepDiffConfig::raw_d(), DeepDiffConfig::raw_aux()] {
            let network = config.init(&layout_of(6, 3), 1, &device).unwrap();
            let attention = |places| network.attention(&pair(places), &device).unwrap().unwrap();
            let (own, other) = (attention(&[0, 1, 2]), attention(&[2, 0, 1]));
            // Signal after signal, each of all marks.
            let from = |place: usize| place / 3 * 3 + [2, 0, 1][place % 3];
            for place in 0..own.marks.ncols() {
                assert_eq!(other.marks.column(place), own.marks.column(from(place)));
            }
            for place in 0..own.bins.shape()[1] {
                let of = |attention: &crate::Attention, place| {
                    attention.bins.index_axis(Axis(1), place).to_owned()
                };
                assert_eq!(of(&other, place), of(&own, from(place)));
            }
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
