//! How lines become measurements: site and device from tags, power from fields.

use std::borrow::Cow;

use super::field_rule::FieldRule;
use super::line::Line;
use super::pairs::Pair;

/// The mapping of the settings.
#[derive(Debug, Clone, Default)]
pub struct LineMapping {
    /// The tags of which the first that a line has is its site; without one it is the bucket or the database.
    pub site_tags: Vec<String>,
    /// The same of its device; without one it is the measurement.
    pub device_tags: Vec<String>,
    /// The fields that are power. Of those without a suffix the first that a line has is its power.
    pub fields: Vec<FieldRule>,
}

/// The power of a device in a line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MappedPower<'a> {
    pub device: Cow<'a, str>,
    pub watts: f64,
}

impl LineMapping {
    /// The site of a line.
    pub(super) fn site<'a>(&self, line: &Line<'a>, bucket: &'a str) -> Cow<'a, str> {
        first_tag(line, &self.site_tags).unwrap_or(bucket.into())
    }

    /// Calls `found` with each power of a line; returns whether it has one. Texts and truth values are none.
    pub(super) fn for_each_power<'a>(
        &self,
        line: &Line<'a>,
        mut found: impl FnMut(MappedPower<'_>),
    ) -> bool {
        let mut main: Option<(usize, f64)> = None;
        let mut has_power = false;
        // Only looked for when there is a power: most lines of an agent have none.
        let mut device: Option<Cow<'a, str>> = None;
        for field in line.fields().flatten() {
            let Some(number) = field.number() else { continue };
            for (rank, rule) in self.fields.iter().enumerate() {
                if !applies(rule, field.key, line) {
                    continue;
                }
                let watts = rule.unit.watts(number);
                has_power = true;
                match &rule.suffix {
                    None if main.is_none_or(|(best, _)| rank < best) => main = Some((rank, watts)),
                    None => {}
                    Some(suffix) => {
                        let device = device.get_or_insert_with(|| self.device(line));
                        let device = format!("{device}.{suffix}").into();
                        found(MappedPower { device, watts });
                    }
                }
            }
        }
        if let Some((_, watts)) = main {
            let device = device.unwrap_or_else(|| self.device(line));
            found(MappedPower { device, watts });
        }
        has_power
    }

    fn device<'a>(&self, line: &Line<'a>) -> Cow<'a, str> {
        first_tag(line, &self.device_tags).unwrap_or_else(|| line.measurement.unescaped())
    }
}

fn applies(rule: &FieldRule, field: super::text::Text<'_>, line: &Line<'_>) -> bool {
    field.is(&rule.field) && rule.measurement.as_ref().is_none_or(|name| line.measurement.is(name))
}

/// The value of the first of these tags that a line has.
fn first_tag<'a>(line: &Line<'a>, names: &[String]) -> Option<Cow<'a, str>> {
    let rank = |tag: &Pair<'_>| names.iter().position(|name| tag.key.is(name));
    let known = line.tags().flatten().filter_map(|tag| Some((rank(&tag)?, tag.value)));
    known.min_by_key(|(rank, _)| *rank).map(|(_, value)| value.unescaped())
}

#[cfg(test)]
mod tests {
    use super::super::line::Lines;
    use super::*;

    fn mapping() -> LineMapping {
        let texts = |text: &str| text.split(',').map(str::to_owned).collect();
        let fields = "power=W,power_kw=kW,value=W@W,value=kW@kW,a_power=W+a,b_power=W+b";
        LineMapping {
            site_tags: texts("site_id,site"),
            device_tags: texts("device_id,entity_id,host"),
            fields: fields.split(',').map(|rule| rule.parse().unwrap()).collect(),
        }
    }

    fn mapped(text: &str) -> (String, Vec<(String, f64)>) {
        let line = Lines::new(text.as_bytes()).next().unwrap().line.unwrap();
        let mut powers = Vec::new();
        let has_power = mapping().for_each_power(&line, |power| {
            powers.push((power.device.into_owned(), power.watts));
        });
        assert_eq!(has_power, !powers.is_empty(), "{text}");
        (mapping().site(&line, "bucket").into_owned(), powers)
    }

    #[test]
    fn site_and_device_are_of_the_first_tag_that_the_line_has() {
        for (text, site, device) in [
            ("m power=1", "bucket", "m"),
            ("m,host=h power=1", "bucket", "h"),
            ("m,host=h,entity_id=e power=1", "bucket", "e"),
            (r"m,entity_id=e,device_id=d\ 1,site=s power=1", "s", "d 1"),
            ("m,site=s,site_id=t power=1", "t", "m"),
        ] {
            assert_eq!(mapped(text), (site.to_owned(), vec![(device.to_owned(), 1.0)]), "{text}");
        }
    }

    #[test]
    fn the_first_rule_that_a_field_has_is_the_power_and_those_with_suffixes_are_of_devices_of_their_own()
     {
        let watts = |text: &str| mapped(text).1;
        let of = |device: &str, watts| (device.to_owned(), watts);
        assert_eq!(watts("m power_kw=2,power=1"), [of("m", 1.0)]);
        assert_eq!(watts("m power_kw=1.1"), [of("m", 1100.0)]);
        assert_eq!(watts("kW,entity_id=e value=1.5"), [of("e", 1500.0)]);
        assert_eq!(watts("W value=1i"), [of("W", 1.0)]);
        let phases = [of("m.b", 2.0), of("m.a", 1.0), of("m", 3.0)];
        assert_eq!(watts("m b_power=2,power=3,a_power=1"), phases);
    }

    #[test]
    fn a_line_without_a_mapped_number_has_no_power() {
        for text in [
            "cpu usage_idle=99",
            "kWh,entity_id=e value=1.5",
            "value value=1",
            "m power=\"1\"",
            "m power=true",
            "m Power=1",
        ] {
            assert_eq!(mapped(text).1, [], "{text}");
        }
    }
}
