//! Decoding what was encoded gives the value back.

use longshore_sftp::{
    ExtendedReply, Init, Limits, Reply, Request, RequestId, StatVfs, UsersGroups, Version, write_header,
};
use proptest::prelude::*;

use crate::golden::body;
use crate::strategies;

proptest! {
    #[test]
    fn every_request_survives_the_wire(id: u32, request in strategies::request()) {
        let packet = request.to_packet(RequestId(id)).unwrap();
        prop_assert_eq!(Request::decode(body(&packet)), Ok((RequestId(id), request)));
    }

    #[test]
    fn every_reply_survives_the_wire(id: u32, reply in strategies::reply()) {
        let packet = reply.to_packet(RequestId(id)).unwrap();
        prop_assert_eq!(Reply::decode(body(&packet)), Ok((RequestId(id), reply)));
    }

    #[test]
    fn every_extended_reply_survives_the_wire(
        stat_vfs in strategies::stat_vfs(),
        limits in strategies::limits(),
        users_groups in strategies::users_groups(),
    ) {
        let raw = |reply: ExtendedReply| {
            let packet = Reply::Extended(reply).to_packet(RequestId(1)).unwrap();
            packet.slice(9..)
        };
        prop_assert_eq!(StatVfs::decode(raw(ExtendedReply::StatVfs(stat_vfs))), Ok(stat_vfs));
        prop_assert_eq!(Limits::decode(raw(ExtendedReply::Limits(limits))), Ok(limits));
        prop_assert_eq!(
            UsersGroups::decode(raw(ExtendedReply::UsersGroups(users_groups.clone()))),
            Ok(users_groups)
        );
    }

    #[test]
    fn init_and_version_survive_the_wire(version: u32, extensions in strategies::extensions()) {
        let init = Init { version, extensions: extensions.clone() };
        prop_assert_eq!(Init::decode(body(&init.to_packet().unwrap())), Ok(init));
        let version = Version { version, extensions };
        prop_assert_eq!(Version::decode(body(&version.to_packet().unwrap())), Ok(version));
    }

    #[test]
    fn a_write_header_with_its_data_is_the_write_request(
        id: u32,
        handle in strategies::handle(),
        offset: u64,
        data in strategies::bytes(),
    ) {
        let header = write_header(RequestId(id), &handle, offset, data.len()).unwrap();
        let apart = [header, data.clone()].concat();
        let whole = Request::Write { handle, offset, data }.to_packet(RequestId(id)).unwrap();
        prop_assert_eq!(apart, whole);
    }
}
