//! Plots for the page, as SVG.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;
use probe::program::root;

use crate::table::whole;

const SIZE: (u32, u32) = (900, 360);
/// Width of the legend beside the chart.
const LEGEND: u32 = 190;
/// Colours of Okabe and Ito's palette, which colour-blind people can distinguish.
const COLOURS: [RGBColor; 3] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115)];

/// A named line: minutes, and requests per second.
pub type Line<'a> = (&'a str, Vec<(f64, f64)>);

/// Draws `docs/plots/NAME.svg` and returns the Markdown that shows it.
pub fn lines(name: &str, title: &str, lines: &[Line<'_>]) -> Result<String> {
    let path = root().join("docs/plots").join(name).with_extension("svg");
    draw(&path, title, lines).map_err(|error| anyhow!("drawing {name}: {error}"))?;
    // The renderer writes trailing blanks, which fail the check of whitespace.
    let text = fs::read_to_string(&path).with_context(|| format!("reading {name}"))?;
    let tidy: String = text.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    fs::write(&path, tidy)?;
    Ok(format!("![{title}](plots/{name}.svg)"))
}

fn draw(path: &Path, title: &str, lines: &[Line<'_>]) -> Result<(), Box<dyn std::error::Error>> {
    let points = || lines.iter().flat_map(|line| &line.1);
    let right = points().map(|point| point.0).fold(0.0, f64::max);
    let top = points().map(|point| point.1).fold(0.0, f64::max) * 1.04;
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (chart, legend) = area.split_horizontally(SIZE.0 - LEGEND);
    let mut chart = ChartBuilder::on(&chart)
        .caption(title, ("sans-serif", 17))
        .margin(10)
        .x_label_area_size(38)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..right, 0.0..top)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("minutes")
        .y_desc("requests/s")
        .x_label_formatter(&|minutes| whole(*minutes))
        .y_label_formatter(&|rate| whole(*rate))
        .draw()?;
    for (((name, points), colour), row) in lines.iter().zip(COLOURS).zip(0..) {
        chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?;
        let height = 50 + 22 * row;
        legend.draw(&PathElement::new([(0, height), (18, height)], colour.stroke_width(3)))?;
        legend.draw(&Text::new(*name, (24, height - 6), ("sans-serif", 13)))?;
    }
    area.present()?;
    Ok(())
}
