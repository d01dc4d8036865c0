use std::path::Path;

use super::*;
use crate::format::rpm::db::sqlite::Sqlite;
use crate::format::rpm::oracle::{Lab, have};

/// Compares each header of a database with what we make of the package file.
fn assert_headers_agree(lab: &Lab, packages: &[&Path]) {
    let bytes = lab.database();
    let database = Sqlite::open("rpmdb.sqlite", &bytes).unwrap();
    let headers = database.headers().unwrap();
    assert_eq!(headers.len(), packages.len());
    for package in packages {
        let file = PackageFile::parse("it", &std::fs::read(package).unwrap().into()).unwrap();
        let identity = |header: &Header| header.immutable();
        let same = |(_, header): &&(u32, Header)| identity(header) == identity(&file.header);
        let (_, theirs) = headers.iter().find(same).expect("the package is in the database");
        let number = |tag| theirs.number(tag).unwrap() as u32;
        let stamp = Stamp {
            time: number(Tag::INSTALLTIME),
            transaction: number(Tag::INSTALLTID),
            color: number(Tag::INSTALLCOLOR),
            states: theirs.numbers(Tag::FILESTATES).map(|state| state as u8).collect(),
        };
        let ours = installed("it", &file, &stamp).unwrap();
        let tags = |h: &Header| h.dribbles().map(|v| (v.tag, v.count)).collect::<Vec<_>>();
        assert_eq!(tags(&ours), tags(theirs), "{}", package.display());
        assert_eq!(ours.blob(), theirs.blob(), "{}", package.display());
    }
}

#[test]
fn headers_are_the_ones_that_rpm_writes() {
    if !have("rpmbuild") {
        return;
    }
    let lab = Lab::new();
    let packages = lab.build("1", &[]);
    assert_eq!(packages.len(), 5);
    let packages: Vec<&Path> = packages.iter().map(|path| &**path).collect();
    lab.install(&packages);
    assert_headers_agree(&lab, &packages);
}

#[test]
fn headers_of_real_packages_are_the_ones_that_rpm_writes() {
    let Some(corpus) = crate::fixture::root::corpus() else { return };
    let lab = Lab::new();
    let names = [
        "rpm-software-management+rpm/RPMS/capstest-1.0-1.noarch.rpm",
        "rpm-software-management+rpm/RPMS/foo-1.0-1.noarch.rpm",
        "rpm-software-management+rpm/RPMS/hello-2.0-1.x86_64-signed.rpm",
        "rpm-software-management+rpm/RPMS/imatest-1.0-1.fc34.noarch.rpm",
        "rpm-rs+rpm/RPMS/v4/signed/rpm-basic-with-rsa4096-2.3.4-5.el9.noarch.rpm",
        "rpm-rs+rpm/RPMS/v4/rpm-empty-0-0.x86_64.rpm",
    ];
    let packages: Vec<_> = names.iter().map(|name| corpus.join(name)).collect();
    let packages: Vec<&Path> = packages.iter().map(|path| &**path).collect();
    lab.install(&packages);
    assert_headers_agree(&lab, &packages);
}

#[test]
fn states_and_signatures_have_to_fit() {
    if !have("rpmbuild") {
        return;
    }
    let lab = Lab::new();
    let packages = lab.build("1", &[]);
    let file = PackageFile::parse("it", &std::fs::read(&packages[0]).unwrap().into()).unwrap();
    let stamp = Stamp { time: 1, transaction: 1, color: 3, states: vec![0; 77] };
    let error = installed("it", &file, &stamp).unwrap_err().to_string();
    assert!(error.starts_with("it is malformed") && error.ends_with("77 states"), "{error}");
    let mut twice = file.clone();
    twice.header = Header::parse("it", {
        let md5 = Value { tag: Tag::SIGMD5, kind: Type::Bin, count: 1, data: vec![1] };
        file.header.with_dribbles(vec![md5]).unwrap()
    })
    .unwrap();
    assert!(installed("it", &twice, &stamp).unwrap_err().to_string().contains("holds tag 261"));
}
