//! The items of `Accept` and `Accept-Encoding`, with their weights (RFC 9110, 12.4.2 and 12.5).

use poem::http::{HeaderMap, HeaderName};

/// An item in lower case, such as `text/csv`, and its weight from 0 to 1. An item of weight 0 is not acceptable.
pub(crate) type WeightedItem = (String, f32);

/// The items of all fields with this name, in their order; fields that are not ASCII have none.
pub(crate) fn weighted_items(
    headers: &HeaderMap,
    name: HeaderName,
) -> impl Iterator<Item = WeightedItem> {
    let values = headers.get_all(name).into_iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|it| it.split(',')).map(weighted)
}

fn weighted(item: &str) -> WeightedItem {
    let mut parts = item.split(';').map(|part| part.trim().to_ascii_lowercase());
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| Some(part.strip_prefix("q=")?.trim().parse()));
    // A weight that is not a number makes the item unacceptable, as nothing is known of it.
    (name, weight.map_or(1.0, |weight| weight.unwrap_or(0.0)))
}

#[cfg(test)]
mod tests {
    use poem::http::{HeaderValue, header};

    use super::*;

    #[test]
    fn an_item_has_the_weight_of_its_parameter_q_and_else_1() {
        for (text, expected) in [
            ("text/csv", ("text/csv", 1.0)),
            (" Text/CSV ; q=0.5", ("text/csv", 0.5)),
            ("text/csv;Q=0.000", ("text/csv", 0.0)),
            ("text/plain; charset=utf-8;q=0.1", ("text/plain", 0.1)),
            ("gzip;q=x", ("gzip", 0.0)),
            ("", ("", 1.0)),
        ] {
            assert_eq!(weighted(text), (expected.0.to_owned(), expected.1), "{text}");
        }
    }

    #[test]
    fn items_of_several_fields_are_one_list() {
        let mut headers = HeaderMap::new();
        for value in ["a, b;q=0.5", "c"] {
            headers.append(header::ACCEPT, HeaderValue::from_static(value));
        }
        let names: Vec<_> = weighted_items(&headers, header::ACCEPT).map(|it| it.0).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }
}
