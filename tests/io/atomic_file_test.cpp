#include "io/atomic_file.h"

#include <csignal>

#include <sys/wait.h>

#include "io/io_support.h"

namespace ditto::test {
namespace {

std::string refused(const fs::path& target, Existing existing = Existing::kReplace) {
  const std::string message = error_of(ExitCode::kOutputFailed, [&] { AtomicFile(target, existing).commit(); });
  EXPECT_TRUE(contains(message, target.string()));
  return message;
}

TEST(AtomicFile, AppearsCompleteOrNotAtAll) {
  const TempFolder folder;
  const fs::path target = folder / "out.mp4";
  {
    AtomicFile file(target);
    file.write("half");
    EXPECT_FALSE(fs::exists(target));
    EXPECT_EQ(file.temporary(), folder / (".out.mp4.ditto-partial-" + std::to_string(::getpid())));
    file.write(" and half");
    file.commit();
  }
  EXPECT_EQ(read_bytes(target), "half and half");
  EXPECT_EQ(folder.entries(), 1u);
  {
    AtomicFile file(target);
    file.write("never seen");
  }
  EXPECT_EQ(read_bytes(target), "half and half");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(AtomicFile, TakesWhatALibraryWroteByName) {
  const TempFolder folder;
  AtomicFile file(folder / "out");
  fs::remove(file.temporary());
  write_file(file.temporary(), "by name");
  file.commit();
  EXPECT_EQ(read_bytes(folder / "out"), "by name");
}

TEST(AtomicFile, TwoWritersAndAStaleFileDoNotMeet) {
  const TempFolder folder;
  const fs::path target = folder / "out";
  const fs::path stale = write_file(folder / (".out.ditto-partial-" + std::to_string(::getpid())), "stale");
  AtomicFile first(target), second(target);
  first.write("first");
  second.write("second");
  first.commit();
  second.commit();
  EXPECT_EQ(read_bytes(target), "second");
  EXPECT_EQ(read_bytes(stale), "stale");
  EXPECT_EQ(folder.entries(), 2u);
}

TEST(AtomicFile, KeepsAnExistingFileEvenWhenItAppearsMeanwhile) {
  const TempFolder folder;
  const fs::path target = write_file(folder / "out", "old");
  EXPECT_TRUE(contains(refused(target, Existing::kKeep), "exists; accepted: a new name, or -y to overwrite"));
  const fs::path late = folder / "late";
  AtomicFile file(late, Existing::kKeep);
  write_file(late, "other process");
  EXPECT_TRUE(contains(error_of(ExitCode::kOutputFailed, [&] { file.commit(); }), "-y to overwrite"));
  EXPECT_EQ(read_bytes(late), "other process");
  EXPECT_EQ(read_bytes(target), "old");
}

TEST(AtomicFile, WritesThroughASymbolicLink) {
  const TempFolder folder;
  write_file(folder / "real/file", "old");
  fs::create_symlink("real/file", folder / "link");
  AtomicFile file(folder / "link");
  file.write("new");
  file.commit();
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(read_bytes(folder / "real/file"), "new");
}

TEST(AtomicFile, AcceptsNamesUpToTheLimit) {
  const TempFolder folder;
  AtomicFile longest(folder / std::string(255, 'n'));
  longest.commit();
  EXPECT_TRUE(fs::exists(folder / std::string(255, 'n')));
}

TEST(AtomicFile, NamesWhyATargetCannotBeWritten) {
  const TempFolder folder;
  write_file(folder / "file", "");
  EXPECT_TRUE(contains(refused(folder / "missing/out"), "No such file or directory"));
  EXPECT_TRUE(contains(refused(folder / "file/out"), "is no folder"));
  EXPECT_TRUE(contains(refused(folder.path()), "is no regular file"));
  EXPECT_TRUE(contains(refused(folder.path() / ""), "names a folder"));
  EXPECT_TRUE(contains(refused(folder / std::string(256, 'n')), "the name has 256 bytes; accepted: up to 255"));
  EXPECT_TRUE(contains(refused("/dev/null"), "is no regular file"));
  EXPECT_TRUE(contains(error_of(ExitCode::kOutputFailed, [] { AtomicFile{""}; }), "is empty"));
  EXPECT_EQ(folder.entries(), 1u);
  const WithoutPrivileges nobody;
  EXPECT_TRUE(contains(refused(folder / "out"), "Permission denied"));
  EXPECT_TRUE(contains(error_of(ExitCode::kOutputFailed, [&] { require_writable_target(folder / "out", false); }),
                       "Permission denied"));
}

TEST(AtomicFile, AFailedWriteLeavesNothing) {
  const TempFolder folder;
  ::rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const ::rlimit small{4096, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string message = error_of(ExitCode::kOutputFailed, [&] {
    AtomicFile file(folder / "out");
    file.write(std::string(10'000, 'x'));
    file.commit();
  });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(contains(message, (folder / "out").string() + ": cannot be written: File too large"));
  EXPECT_EQ(folder.entries(), 0u);
}

TEST(AtomicFile, AProcessKilledAtAnyPointLeavesNoTornFile) {
  const TempFolder folder;
  const fs::path target = folder / "out";
  const std::string old_text(100'000, 'o'), new_text(200'000, 'n');
  for (int round = 0; round < 30; ++round) {
    write_file(target, old_text);
    const pid_t child = ::fork();
    if (child == 0) {
      AtomicFile file(target);
      for (std::size_t i = 0; i < new_text.size(); i += 1000) file.write(std::string_view(new_text).substr(i, 1000));
      file.commit();
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(round * 100));
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    const std::string found = read_bytes(target);
    EXPECT_TRUE(found == old_text || found == new_text) << "torn after round " << round;
  }
}

TEST(AtomicFolder, AppearsCompleteOrNotAtAll) {
  const TempFolder folder;
  {
    AtomicFolder frames(folder / "frames/");
    write_file(frames.temporary() / "0000.png", "a");
    write_file(frames.temporary() / "0001.png", "b");
    EXPECT_FALSE(fs::exists(folder / "frames"));
    frames.commit();
  }
  EXPECT_EQ(read_bytes(folder / "frames/0001.png"), "b");
  {
    AtomicFolder frames(folder / "other");
    write_file(frames.temporary() / "0000.png", "a");
  }
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(AtomicFolder, ReplacesFramesButNothingElse) {
  const TempFolder folder;
  const auto write_frames = [&](Existing existing) {
    AtomicFolder frames(folder / "frames", existing);
    write_file(frames.temporary() / "0000.png", "new");
    frames.commit();
  };
  fs::create_directory(folder / "frames");
  write_frames(Existing::kKeep);
  EXPECT_TRUE(contains(error_of(ExitCode::kOutputFailed, [&] { write_frames(Existing::kKeep); }), "-y to overwrite"));
  write_file(folder / "frames/0001.png", "old");
  write_frames(Existing::kReplace);
  EXPECT_FALSE(fs::exists(folder / "frames/0001.png"));
  EXPECT_EQ(folder.entries(), 1u);

  write_file(folder / "frames/thesis.tex", "precious");
  EXPECT_TRUE(contains(error_of(ExitCode::kOutputFailed, [&] { write_frames(Existing::kReplace); }),
                       "holds 'thesis.tex', which this output would not replace"));
  fs::remove(folder / "frames/thesis.tex");
  write_file(folder / "frames/more.png/deep", "precious");
  EXPECT_TRUE(contains(error_of(ExitCode::kOutputFailed, [&] { write_frames(Existing::kReplace); }), "'more.png'"));
  EXPECT_EQ(read_bytes(folder / "frames/more.png/deep"), "precious");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(AtomicFolder, ReplacesWhatItIsToldTo) {
  const TempFolder folder;
  write_file(folder / "plots/old.png", "old");
  write_file(folder / "plots/notes.txt", "mine");
  const auto write_plots = [&] {
    AtomicFolder plots(folder / "plots", Existing::kReplace, {".svg", ".png"});
    write_file(plots.temporary() / "new.svg", "new");
    plots.commit();
  };
  EXPECT_TRUE(contains(error_of(ExitCode::kOutputFailed, write_plots), "'notes.txt'"));
  EXPECT_EQ(read_bytes(folder / "plots/old.png"), "old") << "what is refused costs nothing";
  fs::remove(folder / "plots/notes.txt");
  write_plots();
  EXPECT_FALSE(fs::exists(folder / "plots/old.png"));
  EXPECT_EQ(read_bytes(folder / "plots/new.svg"), "new");
}

TEST(WritableTarget, IsCheckedBeforeTheWork) {
  const TempFolder folder;
  const auto file_refusal = [](const fs::path& path, bool overwrite) {
    return error_of(ExitCode::kOutputFailed, [&] { require_writable_target(path, overwrite); });
  };
  require_writable_target(folder / "new.mp4", false);
  EXPECT_EQ(folder.entries(), 0u);
  const fs::path old = write_file(folder / "old.mp4", "x");
  EXPECT_EQ(file_refusal(old, false), old.string() + ": exists; accepted: a new name, or -y to overwrite");
  require_writable_target(old, true);
  require_writable_target("new-file-in-the-current-folder", false);

  const auto folder_refusal = [](const fs::path& path, bool overwrite) {
    return error_of(ExitCode::kOutputFailed, [&] { require_writable_folder(path, overwrite); });
  };
  require_writable_folder(folder / "frames", false);
  EXPECT_TRUE(contains(folder_refusal(folder.path(), false), "is not empty"));
  require_writable_folder(folder.path(), true);
  EXPECT_TRUE(contains(folder_refusal(old, true), "is no folder"));
  EXPECT_TRUE(contains(folder_refusal(folder / "a/b", false), "No such file"));
}

}  // namespace
}  // namespace ditto::test
