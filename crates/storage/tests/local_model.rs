//! Uploads over a published version against a plain model in memory.

use std::sync::Arc;

use bytes::Bytes;
use longshore_storage::suite::{fresh, get, over, p, put};
use longshore_storage::{
    BucketName, Durability, Home, LocalOptions, LocalStore, OwnerId, ResolverChoice, SetStat, Store,
    UploadOptions,
};
use proptest::prelude::*;

const MAX: usize = 200;

#[derive(Debug, Clone)]
enum Step {
    Write(usize, Vec<u8>),
    Resize(usize),
    /// Read back, and compare with the model.
    Read(usize, usize),
    /// Somebody else publishes; what was not written comes from there then.
    Other(Vec<u8>),
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    (1..40_usize, b'a'..=b'z').prop_map(|(len, byte)| vec![byte; len])
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..MAX, data()).prop_map(|(at, data)| Step::Write(at, data)),
        2 => (0..MAX).prop_map(Step::Resize),
        2 => (0..MAX, 1..MAX).prop_map(|(at, len)| Step::Read(at, len)),
        1 => prop::collection::vec(b'0'..=b'9', 0..MAX).prop_map(Step::Other),
    ]
}

/// What each byte of the upload is: its own, or whatever is published there.
#[derive(Debug, Default)]
struct Model {
    own: Vec<Option<u8>>,
    /// Bytes of the published version from here on were cut off.
    base_end: Option<usize>,
    fixed_len: bool,
}

impl Model {
    fn write(&mut self, at: usize, data: &[u8]) {
        let end = at + data.len();
        if self.own.len() < end {
            self.own.resize(end, None);
        }
        for (slot, byte) in self.own[at..end].iter_mut().zip(data) {
            *slot = Some(*byte);
        }
    }

    fn resize(&mut self, size: usize) {
        self.own.resize(size, None);
        self.base_end = Some(self.base_end.map_or(size, |end| end.min(size)));
        self.fixed_len = true;
    }

    fn content(&self, published: &[u8]) -> Vec<u8> {
        let base = &published[..published.len().min(self.base_end.unwrap_or(usize::MAX))];
        let len = if self.fixed_len {
            self.own.len()
        } else {
            self.own.len().max(base.len())
        };
        let byte = |at: usize| {
            self.own
                .get(at)
                .copied()
                .flatten()
                .or_else(|| base.get(at).copied())
        };
        (0..len).map(|at| byte(at).unwrap_or(0)).collect()
    }
}

async fn play(before: &[u8], from_empty: bool, steps: &[Step]) {
    let dir = tempfile::tempdir().unwrap();
    let options = LocalOptions {
        durability: Durability::None,
        resolver: ResolverChoice::Auto,
        ..LocalOptions::default()
    };
    let store = LocalStore::open(dir.path(), options).unwrap();
    let bucket = BucketName::parse("model-bucket").unwrap();
    store.create_bucket(&bucket).await.unwrap();
    let alice: Arc<dyn Home> = store.open_home(&bucket, &p("/"), OwnerId(1)).await.unwrap();
    let bob: Arc<dyn Home> = store.open_home(&bucket, &p("/"), OwnerId(2)).await.unwrap();
    put(&bob, "/f", before).await;
    let mut published = before.to_vec();
    let mut model = Model::default();
    let upload = if from_empty {
        model.resize(0);
        model.fixed_len = true;
        let readable = UploadOptions {
            readable: true,
            ..fresh()
        };
        alice.begin_upload(&p("/f"), readable).await.unwrap()
    } else {
        alice.begin_upload(&p("/f"), over()).await.unwrap()
    };
    for step in steps {
        match step {
            Step::Write(at, data) => {
                model.write(*at, data);
                upload
                    .write_at(*at as u64, Bytes::copy_from_slice(data))
                    .await
                    .unwrap();
            }
            Step::Resize(size) => {
                model.resize(*size);
                let changes = SetStat {
                    size: Some(*size as u64),
                    ..SetStat::default()
                };
                upload.set_stat(&changes).await.unwrap();
            }
            Step::Read(at, len) => {
                let expected = model.content(&published);
                let end = expected.len().min(at + len);
                let read = upload.read_at(*at as u64, *len, Vec::new()).await.unwrap();
                assert_eq!(read, expected[(*at).min(end)..end]);
                assert_eq!(upload.stat().await.unwrap().size, expected.len() as u64);
            }
            Step::Other(data) => {
                put(&bob, "/f", data).await;
                published.clone_from(data);
            }
        }
        assert_eq!(
            get(&bob, "/f").await.unwrap(),
            published,
            "nothing is visible before CLOSE"
        );
    }
    upload.publish().await.unwrap();
    assert_eq!(get(&bob, "/f").await.unwrap(), model.content(&published));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn uploads_publish_what_a_plain_model_says(
        before in prop::collection::vec(b'0'..=b'9', 0..MAX),
        from_empty in any::<bool>(),
        steps in prop::collection::vec(step(), 0..25),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(play(&before, from_empty, &steps));
    }
}
