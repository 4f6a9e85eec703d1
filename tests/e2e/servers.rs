//! Servers of other versions than the system's.

use connect_tests::postgres::{Postgres, Version};
use tempfile::TempDir;

#[test]
fn every_version_that_the_tests_name_starts_and_answers() {
    for version in [Version::Thirteen, Version::Fifteen, Version::Eighteen] {
        let folder = TempDir::with_prefix("connect-test-").expect("a temporary folder");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), mode).expect("our own folder");
        let server = Postgres::start_version(version, folder.path());
        let answer = server.sql("shop", "SELECT current_setting('server_version_num')::integer / 10000");
        assert_eq!(answer, version.number().to_string());
    }
}
