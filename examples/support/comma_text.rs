use super::Anything;

/// Lays rows out as comma-separated text. A row of more or fewer fields than the header is an error, so that no such file is written.
pub(crate) fn comma_text(
    header: &[String],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Result<String, Anything> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header)?;
    for row in rows {
        writer.write_record(row)?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}
