//! What a program is (draft-ietf-secsh-filexfer-13 §4.4): `vendor-id`.

use bytes::Bytes;

use crate::error::WireError;
use crate::wire::{Reader, Writer};
use crate::{Extension, extension};

/// Announced by a server in VERSION, or sent by a client as a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorId {
    /// Who makes it.
    pub vendor: Bytes,
    /// What it is.
    pub product: Bytes,
    /// Its version, for people.
    pub version: Bytes,
    /// Its build, 0 where there is no such number.
    pub build: u64,
}

impl VendorId {
    /// Decodes the data of the extension.
    ///
    /// # Errors
    /// [`WireError::Truncated`]
    pub fn decode(data: Bytes) -> Result<Self, WireError> {
        let mut reader = Reader::new(data);
        let r = &mut reader;
        Ok(Self {
            vendor: r.string()?,
            product: r.string()?,
            version: r.string()?,
            build: r.u64()?,
        })
    }

    /// As a server announces it.
    #[must_use]
    pub fn to_extension(&self) -> Extension {
        let mut data = Vec::new();
        self.write(&mut Writer::append(&mut data));
        Extension {
            name: Bytes::from_static(extension::VENDOR_ID.as_bytes()),
            data: data.into(),
        }
    }

    /// From a request. Some clients put the four fields into one string more, as the draft can be read too.
    pub(crate) fn read(body: Bytes) -> Result<Self, WireError> {
        Self::decode(body.clone()).or_else(|error| {
            let inner = Reader::new(body).string().map_err(|_| error)?;
            Self::decode(inner).map_err(|_| error)
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.string(&self.vendor);
        writer.string(&self.product);
        writer.string(&self.version);
        writer.u64(self.build);
    }
}
