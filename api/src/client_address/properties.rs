//! Any list of addresses, in any form, behind what a client has forged.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};

use super::*;

/// `10.0.0.0/8` and `fd00::/8`.
fn trusted() -> TrustedProxies {
    TrustedProxies::new(["10.0.0.0/8", "fd00::/8"].map(|proxy| proxy.parse().unwrap()).into())
}

fn proxy() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 3]>().prop_map(|[b, c, d]| IpAddr::from([10, b, c, d])),
        any::<[u8; 15]>().prop_map(|rest| {
            let mut bytes = [0xfd; 16];
            bytes[1..].copy_from_slice(&rest);
            IpAddr::from(bytes)
        }),
    ]
}

fn untrusted() -> impl Strategy<Value = IpAddr> {
    let v4 = any::<[u8; 4]>().prop_map(IpAddr::from);
    let v6 = any::<[u8; 16]>().prop_map(|bytes| IpAddr::from(bytes).to_canonical());
    prop_oneof![v4, v6].prop_filter("is trusted", |address| !trusted().contain(*address))
}

/// An address in one of the forms that proxies write.
fn written(address: IpAddr) -> impl Strategy<Value = String> {
    let mapped = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    let with_port = any::<u16>().prop_map(move |port| SocketAddr::new(address, port).to_string());
    let item = prop_oneof![Just(address.to_string()), Just(mapped), with_port];
    (item, "[ \t]{0,2}", "[ \t]{0,2}").prop_map(|(item, before, after)| before + &item + &after)
}

fn written_all(addresses: Vec<IpAddr>) -> impl Strategy<Value = Vec<String>> {
    addresses.into_iter().map(written).collect::<Vec<_>>()
}

/// The list in headers of one or more items each.
fn headers(items: &[Vec<u8>], ends: &[bool]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut value = Vec::new();
    for (at, item) in items.iter().enumerate() {
        value.extend_from_slice(item);
        if at + 1 == items.len() || ends.get(at).copied().unwrap_or(false) {
            let value = HeaderValue::from_bytes(&std::mem::take(&mut value)).unwrap();
            headers.append(X_FORWARDED_FOR, value);
        } else {
            value.push(b',');
        }
    }
    headers
}

/// What a client may have sent: visible bytes, commas included.
fn forged() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(vec(prop_oneof![Just(b'\t'), 32_u8..127, 128_u8..], 0..30), 0..4)
}

proptest! {
    #[test]
    fn what_a_client_forges_changes_nothing(
        peer in proxy(),
        (client, written_client) in untrusted().prop_flat_map(|client| (Just(client), written(client))),
        proxies in vec(proxy(), 0..4).prop_flat_map(written_all),
        forged in forged(),
        ends in vec(any::<bool>(), 0..9),
    ) {
        let mut items = forged;
        items.push(written_client.into_bytes());
        items.extend(proxies.into_iter().map(String::into_bytes));
        prop_assert_eq!(trusted().client(peer, &headers(&items, &ends)), client);
    }

    #[test]
    fn an_address_is_read_in_every_form((address, text) in untrusted().prop_flat_map(|address| (Just(address), written(address)))) {
        let items = [text.into_bytes()];
        prop_assert_eq!(trusted().client(IpAddr::from([10, 0, 0, 1]), &headers(&items, &[])), address);
    }

    #[test]
    fn the_header_of_an_untrusted_peer_is_not_read_whatever_it_has(peer in untrusted(), forged in forged()) {
        prop_assert_eq!(trusted().client(peer, &headers(&forged, &[])), peer);
    }
}
