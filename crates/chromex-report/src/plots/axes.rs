use super::canvas::{Anchor, Canvas, GREY, INK, LIGHT, Stroke};
use crate::Result;

const TICK_SIZE: f64 = 11.0;

/// A span of values on a span of pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    /// The pixels of `low` and `high`.
    pub(super) pixels: (f64, f64),
}

impl Axis {
    /// Spans finite values with some room around them.
    pub(super) fn around(values: impl Iterator<Item = f64>, pixels: (f64, f64)) -> Self {
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        let (low, high) = match low <= high {
            true => (low, high),
            false => (0.0, 1.0),
        };
        let span = high - low;
        let room = match span > 0.0 && span.is_finite() {
            true => 0.05 * span,
            false => 0.1 * low.abs().max(1.0),
        };
        Self {
            low: low - room,
            high: high + room,
            pixels,
        }
    }

    pub(super) fn place(&self, value: f64) -> f64 {
        let (from, to) = self.pixels;
        // Halves, because the span of the largest numbers is not a number.
        let share = (value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0);
        from + share * (to - from)
    }

    /// Lists about so many round values within the span, with their labels.
    pub(super) fn ticks(&self, about: f64) -> Vec<(f64, String)> {
        let rough = (self.high / about - self.low / about).abs();
        if !rough.is_normal() {
            return Vec::new();
        }
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|factor| factor * power)
            .into_iter()
            .find(|step| *step >= 0.7 * rough)
            .unwrap_or(10.0 * power);
        let first = (self.low / step).ceil();
        let count = (self.high / step).floor() - first;
        if !(0.0..=100.0).contains(&count) {
            return Vec::new();
        }
        let largest = self.low.abs().max(self.high.abs());
        (0..=count as u32)
            .map(|index| (first + f64::from(index)) * step)
            .map(|value| (value, label(value, step, largest)))
            .collect()
    }
}

fn label(value: f64, step: f64, largest: f64) -> String {
    // Also turns -0 into 0.
    let value = if value.abs() < step / 1e6 { 0.0 } else { value };
    if largest >= 1e6 || step < 1e-4 {
        if value == 0.0 {
            return "0".into();
        }
        let digits = (largest.log10().floor() - step.log10().floor()).clamp(0.0, 9.0);
        return format!("{value:.*e}", digits as usize);
    }
    let decimals = (-step.log10().floor()).clamp(0.0, 4.0);
    format!("{value:.*}", decimals as usize)
}

/// Draws the grid, the labels and the names of two axes.
pub(super) fn draw(
    canvas: &Canvas<'_>,
    (x, y): (&Axis, &Axis),
    (x_name, y_name): (&str, &str),
) -> Result<()> {
    vertical(canvas, x, y.pixels, x_name)?;
    let grid = Stroke {
        colour: LIGHT,
        width: 1.0,
        dash: false,
    };
    let (left, right) = x.pixels;
    let mut widest = 0;
    for (value, label) in y.ticks(5.0) {
        let at = y.place(value);
        canvas.line(&[(left, at), (right, at)], grid)?;
        canvas.text(&label, (left - 7.0, at), TICK_SIZE, GREY, Anchor::End)?;
        widest = widest.max(label.len());
    }
    let middle = (y.pixels.0 + y.pixels.1) / 2.0;
    let from_axis = 22.0 + 0.58 * TICK_SIZE * widest as f64;
    canvas.text_upwards(y_name, (left - from_axis, middle), 12.0)
}

/// Draws the vertical lines of a grid, the labels below them and the axis' name.
pub(super) fn vertical(
    canvas: &Canvas<'_>,
    x: &Axis,
    (bottom, top): (f64, f64),
    name: &str,
) -> Result<()> {
    let grid = Stroke {
        colour: LIGHT,
        width: 1.0,
        dash: false,
    };
    for (value, label) in x.ticks(5.0) {
        let at = x.place(value);
        canvas.line(&[(at, bottom), (at, top)], grid)?;
        canvas.text(&label, (at, bottom + 13.0), TICK_SIZE, GREY, Anchor::Middle)?;
    }
    let middle = (x.pixels.0 + x.pixels.1) / 2.0;
    canvas.text(name, (middle, bottom + 33.0), 12.0, INK, Anchor::Middle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64) -> Vec<String> {
        let axis = Axis {
            low,
            high,
            pixels: (0.0, 100.0),
        };
        axis.ticks(5.0)
            .into_iter()
            .map(|(_, label)| label)
            .collect()
    }

    #[test]
    fn ticks_are_round_and_say_no_more_digits_than_they_need() {
        assert_eq!(labels(-0.11, 0.65).join(" "), "0.0 0.2 0.4 0.6");
        assert_eq!(labels(0.0, 10.0).join(" "), "0 2 4 6 8 10");
        assert_eq!(labels(-3e7, 3e7)[0], "-3e7");
        assert_eq!(labels(0.0, 1e-300).first().map(String::as_str), Some("0"));
    }

    #[test]
    fn spans_without_extent_or_beyond_numbers_do_not_fail() {
        assert!(labels(1.0, 1.0).is_empty());
        let constant = Axis::around([3.0, 3.0].into_iter(), (0.0, 100.0));
        assert_eq!(constant.place(3.0), 50.0);
        let none = Axis::around([f64::NAN].into_iter(), (0.0, 100.0));
        assert!(none.low < none.high);
        let vast = Axis::around([f64::MIN, f64::MAX].into_iter(), (0.0, 100.0));
        let _ = vast.ticks(5.0);
    }
}
