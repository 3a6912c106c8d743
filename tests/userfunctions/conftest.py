"""What stands here is data of `test_mutation`: users' Functions with tests, run in copies, never collected."""

collect_ignore_glob = ["*"]
