use burn::Tensor;

/// Numbers that burn sums on one thread. From 2²² on its processor backend sums pieces on all threads and adds them in the order in
/// which they are done.
const MOST: usize = 1 << 21;

/// Averages all numbers of a tensor, in an order that no number of threads changes: losses are such means.
pub fn mean<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let count = tensor.dims().iter().product();
    if count <= MOST {
        return tensor.mean();
    }
    let all = tensor.reshape([count]);
    let sums = (0..count).step_by(MOST).map(|from| {
        let numbers = all.clone().narrow(0, from, MOST.min(count - from));
        numbers.sum()
    });
    mean(Tensor::cat(sums.collect(), 0)) * (count.div_ceil(MOST) as f64 / count as f64)
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::Device;
    use burn::tensor::TensorData;

    #[test]
    fn millions_of_numbers_have_one_mean_whatever_the_threads() {
        let device = Device::flex().autodiff();
        let count = (1 << 22) + 77;
        let numbers: Vec<f32> = (0..count as u64)
            .map(|place| (place.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f32 / 1e6)
            .collect();
        let expected = numbers.iter().copied().map(f64::from).sum::<f64>() / count as f64;
        let found = [1, 2, 3, 5, 8].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let run = || {
                let data = TensorData::new(numbers.clone(), [count, 1]);
                let tensor = Tensor::<2>::from_data(data, &device).require_grad();
                let mean = mean(tensor.clone());
                let grads = mean.backward();
                let grads: Vec<f32> = tensor
                    .grad(&grads)
                    .unwrap()
                    .into_data()
                    .try_to_vec()
                    .unwrap();
                assert!(
                    grads
                        .iter()
                        .all(|grad| (grad * count as f32 - 1.0).abs() < 1e-6)
                );
                mean.into_scalar::<f32>()
            };
            pool.build().unwrap().install(run)
        });
        assert!((f64::from(found[0]) / expected - 1.0).abs() < 1e-5);
        assert!(
            found
                .iter()
                .all(|other| other.to_bits() == found[0].to_bits())
        );
    }
}
