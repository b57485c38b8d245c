//! INIT and VERSION (draft-ietf-secsh-filexfer-02 §4).

use bytes::Bytes;
use longshore_sftp::{DecodeError, Extension, Init, PacketType, Reply, Request, Version, extension, limits};

use crate::golden::{body, bytes};

#[test]
fn init_without_extensions() {
    let packet = bytes("00000005 01 00000003");
    assert_eq!(Init::v3().to_packet().unwrap(), packet);
    assert_eq!(Init::decode(body(&packet)), Ok(Init::v3()));
}

#[test]
fn init_with_an_extension() {
    let packet = bytes("00000012 01 00000006 00000003 'a@b' 00000002 ff00");
    let init = Init {
        version: 6,
        extensions: vec![Extension {
            name: Bytes::from_static(b"a@b"),
            data: Bytes::from_static(b"\xff\x00"),
        }],
    };
    assert_eq!(init.to_packet().unwrap(), packet);
    assert_eq!(Init::decode(body(&packet)), Ok(init));
}

#[test]
fn init_ignores_extensions_that_cannot_be_read() {
    let packet = bytes("01 00000003 00000001 'a' 00000001 '1' 00000009 'cut'");
    let init = Init::decode(packet).unwrap();
    assert_eq!(init.version, 3);
    assert_eq!(init.extensions.len(), 1);
}

#[test]
fn init_cut_inside_the_version_ends_the_session() {
    let packet = bytes("01 00000003");
    for cut in 1..packet.len() {
        let error = Init::decode(packet.slice(..cut)).unwrap_err();
        assert!(
            matches!(
                error,
                DecodeError::MalformedStart {
                    packet_type: PacketType::INIT,
                    ..
                }
            ),
            "{error:?}"
        );
        assert_eq!(error.answer(), None);
    }
    assert_eq!(
        Init::decode(Bytes::new()),
        Err(DecodeError::NoRequestId { len: 0 })
    );
}

#[test]
fn version_with_two_extensions() {
    let packet = bytes(
        "00000042 02 00000003 00000018 'posix-rename@openssh.com' 00000001 '1' 00000013 'statvfs@openssh.com' 00000001 '2'",
    );
    let version = Version::v3([extension::POSIX_RENAME, extension::STATVFS]);
    assert_eq!(version.to_packet().unwrap(), packet);
    assert_eq!(Version::decode(body(&packet)), Ok(version));
}

#[test]
fn version_is_whole_only_between_two_extensions() {
    let version = Version::v3([extension::POSIX_RENAME, extension::STATVFS]);
    let packet = body(&version.to_packet().unwrap());
    let boundaries = [5, 5 + 4 + 24 + 4 + 1];
    for cut in 1..packet.len() {
        match Version::decode(packet.slice(..cut)) {
            Ok(_) => assert!(boundaries.contains(&cut), "{cut}"),
            Err(error) => {
                assert!(!boundaries.contains(&cut), "{cut}");
                assert_eq!(error.answer(), None);
            }
        }
    }
}

#[test]
fn an_extension_is_supported_only_in_the_version_that_we_speak() {
    let mut version = Version::v3(extension::ALL.map(|(name, _)| name));
    for (name, _) in extension::ALL {
        assert!(version.supports(name), "{name}");
    }
    assert!(!version.supports("vendor@example.com"));
    version.extensions[1].data = Bytes::from_static(b"1"); // statvfs@ has been "2" ever since it was documented
    assert!(!version.supports(extension::STATVFS));
    assert!(version.supports(extension::FSTATVFS));
}

#[test]
fn extensions_beyond_the_limit_are_ignored() {
    let many = vec![Extension::known(extension::LIMITS); limits::MAX_EXTENSIONS + 1];
    let init = Init {
        version: 3,
        extensions: many.clone(),
    };
    let version = Version {
        version: 3,
        extensions: many,
    };
    let init = Init::decode(body(&init.to_packet().unwrap())).unwrap();
    let version = Version::decode(body(&version.to_packet().unwrap())).unwrap();
    assert_eq!(init.extensions.len(), limits::MAX_EXTENSIONS);
    assert_eq!(version.extensions.len(), limits::MAX_EXTENSIONS);
}

#[test]
fn each_packet_belongs_in_its_place() {
    let init = body(&Init::v3().to_packet().unwrap());
    let version = body(&Version::v3([]).to_packet().unwrap());
    let close = bytes("04 00000001 00000001 'h'");
    for error in [
        Init::decode(close.clone()).unwrap_err(),
        Init::decode(version.clone()).unwrap_err(),
        Version::decode(init.clone()).unwrap_err(),
        Version::decode(close).unwrap_err(),
        Request::decode(init).unwrap_err(),
        Reply::decode(version).unwrap_err(),
    ] {
        assert!(matches!(error, DecodeError::Unexpected { .. }), "{error:?}");
        assert_eq!(error.answer(), None);
    }
}
