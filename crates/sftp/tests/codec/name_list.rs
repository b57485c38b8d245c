//! Pages of a directory.

use bytes::Bytes;
use longshore_sftp::{Attrs, NameEntry, NameListBuilder, Reply, RequestId, limits};
use proptest::prelude::*;

use crate::golden::body;
use crate::strategies;

const ID: RequestId = RequestId(9);

#[test]
fn a_page_is_the_name_reply_of_its_entries() {
    let attrs = Attrs {
        permissions: Some(0o100_644),
        ..Attrs::default()
    };
    let mut page = NameListBuilder::new(ID, limits::NAME_LIST_LEN);
    assert!(page.is_empty());
    assert!(page.push(b"one", &attrs, 1, 0));
    assert!(page.push_with(b"two", &attrs, |out| out.extend_from_slice(b"long")));
    assert_eq!(page.len(), 2);
    let Ok((ID, Reply::Name(entries))) = Reply::decode(body(&page.finish())) else {
        panic!("not a NAME reply");
    };
    assert_eq!(entries[0].filename, "one");
    assert!(
        entries[0].longname.starts_with(b"-rw-r--r--    1 0 "),
        "{:?}",
        entries[0].longname
    );
    assert!(entries[0].longname.ends_with(b" one"));
    assert_eq!(
        (&entries[1].filename[..], &entries[1].longname[..]),
        (&b"two"[..], &b"long"[..])
    );
    assert_eq!(entries[1].attrs, attrs);
}

#[test]
fn an_entry_fits_up_to_the_limit() {
    // type, id, count; two lengths, flags
    let room = |name_len: usize| 9 + 12 + name_len;
    let push = |max_len: usize, name: &[u8]| {
        let mut page = NameListBuilder::new(ID, max_len);
        let pushed = page.push_with(name, &Attrs::default(), |_| {});
        (pushed, page.len(), page.finish())
    };
    let (pushed, len, packet) = push(room(10), &[b'x'; 10]);
    assert!(pushed);
    assert_eq!((len, body(&packet).len()), (1, room(10)));
    let (pushed, len, packet) = push(room(10) - 1, &[b'x'; 10]);
    assert!(!pushed);
    assert_eq!(
        (len, Reply::decode(body(&packet))),
        (0, Ok((ID, Reply::Name(Vec::new()))))
    );
}

#[test]
fn no_page_is_longer_than_a_packet() {
    let mut page = NameListBuilder::new(ID, usize::MAX);
    assert!(!page.push_with(&vec![b'x'; limits::MAX_PACKET_LEN], &Attrs::default(), |_| {}));
    assert!(!page.push_with(b"x", &Attrs::default(), |out| {
        out.resize(out.len() + limits::MAX_PACKET_LEN, 0);
    }));
    let huge = Attrs {
        extended: vec![(Bytes::from(vec![0; limits::MAX_PACKET_LEN + 1]), Bytes::new())],
        ..Attrs::default()
    };
    assert!(!page.push_with(b"x", &huge, |_| {}));
    assert!(page.push_with(b"x", &Attrs::default(), |_| {}));
    while page.push(&[b'n'; 255], &Attrs::default(), 1, 0) {}
    let packet = body(&page.finish());
    assert!(packet.len() <= limits::MAX_PACKET_LEN);
    let Ok((_, Reply::Name(entries))) = Reply::decode(packet) else {
        panic!("not a NAME reply");
    };
    assert!(entries.len() > 300, "{}", entries.len());
}

#[test]
fn entries_are_taken_up_to_the_limit() {
    let empty = NameEntry {
        filename: Bytes::new(),
        longname: Bytes::new(),
        attrs: Attrs::default(),
    };
    let decode = |count: usize| {
        let packet = Reply::Name(vec![empty.clone(); count]).to_packet(ID).unwrap();
        Reply::decode(body(&packet))
    };
    let Ok((_, Reply::Name(entries))) = decode(limits::MAX_NAME_ENTRIES) else {
        panic!("refused at the limit");
    };
    assert_eq!(entries.len(), limits::MAX_NAME_ENTRIES);
    decode(limits::MAX_NAME_ENTRIES + 1).unwrap_err();
}

proptest! {
    #[test]
    fn a_page_equals_the_reply_made_of_values(
        entries in prop::collection::vec((strategies::bytes(), strategies::bytes(), strategies::attrs()), 0..30),
        max_len in 0..3000_usize,
    ) {
        let mut page = NameListBuilder::new(ID, max_len);
        let mut pushed = Vec::new();
        for (filename, longname, attrs) in entries {
            if page.push_with(&filename, &attrs, |out| out.extend_from_slice(&longname)) {
                pushed.push(NameEntry { filename, longname, attrs });
            }
        }
        let page = page.finish();
        prop_assert!(page.len() - 4 <= max_len || pushed.is_empty());
        prop_assert_eq!(page, Reply::Name(pushed).to_packet(ID).unwrap());
    }
}
