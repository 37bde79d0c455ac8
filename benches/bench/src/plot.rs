//! Pictures for the page, as SVG.

use std::fs;

use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;
use probe::program::root;

const SIZE: (u32, u32) = (900, 360);
/// Width of the legend beside the chart.
const LEGEND: u32 = 190;
/// Distinguishable without colour vision too: Okabe and Ito's palette.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
    RGBColor(150, 150, 150),
];

/// A named line.
#[derive(Debug)]
pub struct Line {
    /// For the legend.
    pub name: String,
    /// Left to right.
    pub points: Vec<(f64, f64)>,
}

/// An axis.
#[derive(Debug, Clone, Copy)]
pub struct Axis {
    /// What it shows, with the unit.
    pub label: &'static str,
    /// Logarithmic.
    pub log: bool,
}

impl Axis {
    /// Even steps.
    pub const fn linear(label: &'static str) -> Self {
        Self { label, log: false }
    }

    /// Powers of ten.
    pub const fn log(label: &'static str) -> Self {
        Self { label, log: true }
    }

    fn place(self, value: f64) -> f64 {
        if self.log { value.max(1e-9).log10() } else { value }
    }

    fn tick(self, place: f64) -> String {
        let value = if self.log { 10_f64.powf(place) } else { place };
        match value.abs() {
            v if v >= 1000.0 => crate::table::whole(value),
            v if v >= 10.0 || v == 0.0 => format!("{value:.0}"),
            _ => format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned(),
        }
    }
}

/// Draws `docs/plots/NAME.svg` and returns the Markdown that shows it.
pub fn lines(name: &str, title: &str, x: Axis, y: Axis, lines: &[Line]) -> Result<String> {
    let directory = root().join("docs/plots");
    fs::create_dir_all(&directory)?;
    let path = directory.join(name).with_extension("svg");
    draw(&path, title, x, y, lines).map_err(|error| anyhow!("drawing {name}: {error}"))?;
    // Trailing blanks are the renderer's, not ours; they trip checks of whitespace.
    let text = fs::read_to_string(&path).with_context(|| format!("reading {name}"))?;
    let tidy: String = text.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    fs::write(&path, tidy)?;
    Ok(format!("![{title}](plots/{name}.svg)"))
}

fn draw(
    path: &std::path::Path,
    title: &str,
    x: Axis,
    y: Axis,
    lines: &[Line],
) -> Result<(), Box<dyn std::error::Error>> {
    let places = |line: &Line| -> Vec<(f64, f64)> {
        line.points.iter().map(|point| (x.place(point.0), y.place(point.1))).collect()
    };
    let all: Vec<(f64, f64)> = lines.iter().flat_map(places).collect();
    let range = |values: Vec<f64>, from_zero: bool| {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let low = if from_zero { low.min(0.0) } else { low };
        let room = ((high - low) * 0.04).max(1e-6);
        (low - if from_zero { 0.0 } else { room })..(high + room)
    };
    let across = range(all.iter().map(|point| point.0).collect(), false);
    let up = range(all.iter().map(|point| point.1).collect(), !y.log);

    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (left, right) = area.split_horizontally(SIZE.0 - LEGEND);
    let mut chart = ChartBuilder::on(&left)
        .caption(title, ("sans-serif", 17))
        .margin(10)
        .x_label_area_size(38)
        .y_label_area_size(64)
        .build_cartesian_2d(across, up)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc(x.label)
        .y_desc(y.label)
        .x_label_formatter(&|place| x.tick(*place))
        .y_label_formatter(&|place| y.tick(*place))
        .draw()?;
    for ((line, colour), row) in lines.iter().zip(COLOURS.into_iter().cycle()).zip(0..) {
        chart.draw_series(LineSeries::new(places(line), colour.stroke_width(2)))?;
        if line.points.len() <= 16 {
            chart.draw_series(
                places(line).into_iter().map(|place| Circle::new(place, 3, colour.filled())),
            )?;
        }
        let height = 50 + 22 * row;
        right.draw(&PathElement::new([(0, height), (18, height)], colour.stroke_width(3)))?;
        right.draw(&Text::new(line.name.as_str(), (24, height - 6), ("sans-serif", 13)))?;
    }
    area.present()?;
    Ok(())
}
