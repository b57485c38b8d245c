//! File bytes travel without copies, and within the limit.

use bytes::Bytes;
use longshore_sftp::{DataReply, EncodeError, Handle, Reply, Request, RequestId, limits, write_header};

use crate::golden::body;

#[test]
fn the_data_of_a_write_shares_the_packets_memory() {
    let request = Request::Write {
        handle: Handle::from(7),
        offset: 1,
        data: Bytes::from(vec![9; limits::MAX_DATA_LEN]),
    };
    let packet = body(&request.to_packet(RequestId(1)).unwrap());
    let Ok((_, Request::Write { data, .. })) = Request::decode(packet.clone()) else {
        panic!("not a WRITE");
    };
    assert_eq!(
        data.as_ptr(),
        packet[packet.len() - limits::MAX_DATA_LEN..].as_ptr()
    );
}

#[test]
fn a_data_reply_is_finished_in_place() {
    let mut buffer = DataReply::begin(RequestId(3), 1000);
    assert_eq!(DataReply::payload_len(&buffer), 0);
    buffer.extend_from_slice(&[8; 700]);
    let payload = buffer[DataReply::HEADER_LEN..].as_ptr();
    let packet = DataReply::finish(buffer).unwrap();
    assert_eq!(packet[DataReply::HEADER_LEN..].as_ptr(), payload);
    assert_eq!(
        packet,
        Reply::Data(Bytes::from(vec![8; 700]))
            .to_packet(RequestId(3))
            .unwrap()
    );
}

#[test]
fn a_data_reply_takes_no_more_memory_than_asked() {
    let buffer = DataReply::begin(RequestId(3), limits::MAX_DATA_LEN);
    assert_eq!(buffer.capacity(), DataReply::HEADER_LEN + limits::MAX_DATA_LEN);
}

#[test]
fn a_data_reply_is_built_up_to_the_limit() {
    let with_payload = |len: usize| {
        let mut buffer = DataReply::begin(RequestId(1), len);
        buffer.resize(DataReply::HEADER_LEN + len, 0);
        DataReply::finish(buffer)
    };
    // type, id, length of the payload
    let most = limits::MAX_PACKET_LEN - 9;
    assert_eq!(with_payload(most).unwrap().len(), 4 + limits::MAX_PACKET_LEN);
    assert!(matches!(with_payload(most + 1), Err(EncodeError::TooLong { .. })));
}

#[test]
fn a_buffer_of_other_origin_is_no_data_reply() {
    assert_eq!(
        DataReply::finish(Vec::new()),
        Err(EncodeError::NoDataHeader { len: 0 })
    );
    assert_eq!(
        DataReply::finish(vec![0; 20]),
        Err(EncodeError::NoDataHeader { len: 20 })
    );
}

#[test]
fn a_write_header_is_built_up_to_the_limit() {
    let handle = Handle::from(7);
    let most = limits::MAX_PACKET_LEN - (1 + 4 + 4 + 8 + 8 + 4);
    write_header(RequestId(1), &handle, 0, most).unwrap();
    for len in [most + 1, usize::MAX] {
        let error = write_header(RequestId(1), &handle, 0, len).unwrap_err();
        assert!(matches!(error, EncodeError::TooLong { .. }), "{error:?}");
    }
}

#[test]
fn announced_reads_and_writes_fit_into_packets_that_openssh_takes() {
    let longest_handle = Handle::new(vec![0; limits::MAX_HANDLE_LEN]).unwrap();
    write_header(RequestId(1), &longest_handle, 0, limits::MAX_DATA_LEN).unwrap();
    let mut buffer = DataReply::begin(RequestId(1), limits::MAX_DATA_LEN);
    buffer.resize(DataReply::HEADER_LEN + limits::MAX_DATA_LEN, 0);
    DataReply::finish(buffer).unwrap();
}

#[test]
fn a_handle_made_of_a_number_gives_it_back() {
    for number in [0, 1, u64::MAX] {
        assert_eq!(Handle::from(number).to_u64(), Some(number));
    }
    for foreign in [&b""[..], b"1234567", b"123456789"] {
        assert_eq!(Handle::new(foreign).unwrap().to_u64(), None);
    }
}
