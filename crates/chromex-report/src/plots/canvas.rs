use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::{Error, Result};

/// Units of the drawing per pixel: the backend draws at whole units, which are too coarse as pixels.
const UNITS: f64 = 10.0;
/// The backend writes a font size divided by this.
const BACKEND_FONT: f64 = 1.24;

pub(super) const INK: RGBColor = RGBColor(34, 34, 34);
pub(super) const GREY: RGBColor = RGBColor(110, 110, 110);
pub(super) const LIGHT: RGBColor = RGBColor(226, 226, 226);
pub(super) const BLUE: RGBColor = RGBColor(0, 114, 178);
/// Okabe and Ito's colours, the yellow left out, which is pale on white.
pub(super) const PALETTE: [RGBColor; 6] = [
    BLUE,
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

/// Where a text stands: its beginning, middle or end lies at the point, and its middle height does.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a line is drawn.
#[derive(Clone, Copy)]
pub(super) struct Stroke {
    pub(super) colour: RGBColor,
    pub(super) width: f64,
    pub(super) dash: bool,
}

/// A sheet on which things are drawn in pixels from the upper left.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    plot: &'static str,
}

impl Canvas<'_> {
    /// Draws a white sheet of this size and gives it as SVG text.
    pub(super) fn draw(
        plot: &'static str,
        (width, height): (f64, f64),
        fill: impl FnOnce(&Canvas<'_>) -> Result<()>,
    ) -> Result<String> {
        let mut svg = String::new();
        let units = ((width * UNITS) as u32, (height * UNITS) as u32);
        {
            let area = SVGBackend::with_string(&mut svg, units).into_drawing_area();
            let canvas = Canvas { area, plot };
            canvas.check(canvas.area.fill(&WHITE))?;
            fill(&canvas)?;
            canvas.check(canvas.area.present())?;
        }
        let in_units = format!("width=\"{}\" height=\"{}\"", units.0, units.1);
        let in_pixels = format!("width=\"{width}\" height=\"{height}\"");
        Ok(svg.replacen(&in_units, &in_pixels, 1))
    }

    pub(super) fn text(
        &self,
        text: &str,
        at: (f64, f64),
        size: f64,
        colour: RGBColor,
        anchor: Anchor,
    ) -> Result<()> {
        self.put_text(text, at, size, colour, anchor, FontTransform::None)
    }

    /// Writes a text that reads upwards.
    pub(super) fn text_upwards(&self, text: &str, at: (f64, f64), size: f64) -> Result<()> {
        self.put_text(
            text,
            at,
            size,
            INK,
            Anchor::Middle,
            FontTransform::Rotate270,
        )
    }

    fn put_text(
        &self,
        text: &str,
        at: (f64, f64),
        size: f64,
        colour: RGBColor,
        anchor: Anchor,
        transform: FontTransform,
    ) -> Result<()> {
        let anchor = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let style = ("sans-serif", size * UNITS * BACKEND_FONT)
            .into_font()
            .transform(transform)
            .color(&colour)
            .pos(Pos::new(anchor, VPos::Center));
        // XML has no control characters, not even escaped ones.
        let text: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        self.check(self.area.draw_text(&text, &style, units(at)))
    }

    pub(super) fn line(&self, points: &[(f64, f64)], stroke: Stroke) -> Result<()> {
        let style = stroke
            .colour
            .stroke_width((stroke.width * UNITS).round() as u32);
        let points = points.iter().copied().map(units);
        if stroke.dash {
            let (dash, gap) = ((5.0 * UNITS) as u32, (3.5 * UNITS) as u32);
            self.check(
                self.area
                    .draw(&DashedPathElement::new(points, dash, gap, style)),
            )
        } else {
            let points: Vec<_> = points.collect();
            self.check(self.area.draw(&PathElement::new(points, style)))
        }
    }

    pub(super) fn circle(
        &self,
        at: (f64, f64),
        radius: f64,
        colour: RGBColor,
        opacity: f64,
    ) -> Result<()> {
        let radius = (radius * UNITS).round() as i32;
        let style = colour.mix(opacity).filled();
        self.check(self.area.draw(&Circle::new(units(at), radius, style)))
    }

    pub(super) fn rectangle(
        &self,
        from: (f64, f64),
        to: (f64, f64),
        colour: RGBColor,
        opacity: f64,
    ) -> Result<()> {
        let style = colour.mix(opacity).filled();
        self.check(
            self.area
                .draw(&Rectangle::new([units(from), units(to)], style)),
        )
    }

    fn check<E: std::error::Error + Send + Sync + 'static>(
        &self,
        drawn: std::result::Result<(), DrawingAreaErrorKind<E>>,
    ) -> Result<()> {
        drawn.map_err(|source| Error::Draw {
            plot: self.plot,
            source: source.into(),
        })
    }
}

/// Guesses the width of a text in a sans-serif font, rather too wide than too narrow.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    0.6 * size * text.chars().count() as f64
}

/// Cuts a label to so many characters, in its middle: names often differ at the end alone.
pub(super) fn shortened(label: &str, most: usize) -> String {
    let count = label.chars().count();
    if count <= most {
        return label.to_owned();
    }
    let tail = most / 2;
    let head = most - 1 - tail;
    let start = label.chars().take(head);
    start
        .chain(['…'])
        .chain(label.chars().skip(count - tail))
        .collect()
}

fn units((x, y): (f64, f64)) -> (i32, i32) {
    ((x * UNITS).round() as i32, (y * UNITS).round() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_is_as_large_as_asked_and_texts_are_escaped() {
        let svg = Canvas::draw("test", (40.0, 30.0), |canvas| {
            canvas.text("a<b>&\u{0}\"", (1.5, 2.0), 10.0, INK, Anchor::Start)
        })
        .unwrap();
        assert!(svg.starts_with("<svg width=\"40\" height=\"30\" viewBox=\"0 0 400 300\""));
        assert!(svg.contains("x=\"15\" y=\"20\"") && svg.contains("font-size=\"100\""));
        assert!(svg.contains("a&lt;b&gt;&amp; &quot;") && !svg.contains('\u{0}'));
        assert!(svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn long_labels_are_cut_and_say_so() {
        assert_eq!(shortened("größer", 6), "größer");
        assert_eq!(shortened("größerer", 6), "gr…rer");
        assert_eq!(shortened("a long name, validation", 14).chars().count(), 14);
    }
}
