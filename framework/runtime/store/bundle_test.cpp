#include "runtime/store/bundle.h"

#include <archive.h>
#include <archive_entry.h>

#include "runtime/store/archive_file.h"
#include "runtime/store/pins.h"
#include "runtime/store/scratch_store.h"

namespace lehr::runtime {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

class BundleTest : public ScratchStore {
 protected:
  BundleTest() {
    source_ = publish(store_, "source");
    model_ = publish(store_, "model");
    first_ = made("source", source_);
    second_ = made("base", model_, {source_});
    store_.write_result(first_);
    store_.write_result(second_);
  }
  fs::path bundle() {
    const fs::path file = root_ / ("b" + std::to_string(count_++) + ".lehr.tar.zst");
    export_bundle(store_, Lineage(store_.results()).above({model_}), {model_}, file);
    return file;
  }
  // A bundle of one artifact that is as it should be, unless `change` makes it otherwise.
  struct Parts {
    Json contents;
    Artifact artifact;
    std::vector<std::pair<std::string, std::string>> files;  // after bundle.json
  };
  Parts parts() {
    Parts out;
    out.artifact = store_.artifact(model_);
    out.contents = {{"format", 1},
                    {"named", {model_}},
                    {"results", Json::array()},
                    {"artifacts", {model_}},
                    {"bytes", out.artifact.bytes()}};
    const std::string folder = "artifacts/" + model_ + "/";
    out.files = {{folder + "artifact.json", out.artifact.to_json().dump()},
                 {folder + "a.txt", "model"},
                 {folder + "deep/b.txt", "b"}};
    return out;
  }
  fs::path written(const Parts& parts) {
    const fs::path file = root_ / ("hostile" + std::to_string(count_++));
    ArchiveWriter archive(file);
    archive.add("bundle.json", parts.contents.dump());
    for (const auto& [name, text] : parts.files) archive.add(name, text);
    archive.close();
    return file;
  }
  // Why `file` cannot be imported; it may leave nothing behind.
  std::string refusal(const fs::path& file) {
    const ArtifactStore other(root_ / ("other" + std::to_string(count_++)));
    std::string why;
    try {
      import_bundle(other, file);
    } catch (const std::exception& e) {
      why = e.what();
    }
    for (const char* folder : {"artifacts", "results", "work"})
      EXPECT_TRUE(fs::is_empty(other.root() / folder)) << folder << " after: " << why;
    EXPECT_FALSE(fs::exists(other.root() / "pins"));
    return why;
  }

  ArtifactStore store_{root_ / "store"};
  std::string source_, model_;
  StageResult first_, second_;
};

TEST_F(BundleTest, CarriesArtifactsAndWhatTheyStandOnToAnotherStore) {
  const fs::path file = bundle();
  const ArtifactStore other(root_ / "other");
  const BundleReport report = import_bundle(other, file);
  EXPECT_EQ(report.fresh_artifacts, 2u);
  EXPECT_EQ(report.fresh_results, 2u);
  EXPECT_EQ(report.named, std::vector<std::string>{model_});
  for (const StageResult& result : {first_, second_}) {
    const auto found = other.find_result(result.key);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->to_json(), result.to_json());
  }
  EXPECT_TRUE(other.verify(1).empty());
  EXPECT_EQ(list_pins(other).at(model_).reason, "imported from " + file.filename().string());
  EXPECT_TRUE(fs::is_empty(other.root() / "work"));

  const BundleReport again = import_bundle(other, file);
  EXPECT_EQ(again.fresh_artifacts + again.fresh_results, 0u);
}

TEST_F(BundleTest, GivesTheSameBytesAgainAlsoFromTheOtherStore) {
  const fs::path file = bundle();
  const std::string bytes = read_file(file);
  EXPECT_EQ(read_file(bundle()), bytes);
  const ArtifactStore other(root_ / "other");
  import_bundle(other, file);
  const fs::path back = root_ / "back";
  export_bundle(other, Lineage(other.results()).above({model_}), {model_}, back);
  EXPECT_EQ(read_file(back), bytes);
}

TEST_F(BundleTest, KeepsNamesThatNeedMoreThanPlainTar) {
  const fs::path folder = output("x");
  const std::string deep = std::string(120, 'd') + "/" + std::string(200, 'f');
  fs::create_directories(folder / std::string(120, 'd'));
  std::ofstream(folder / deep) << "deep";
  std::ofstream(folder / "na\xc3\xafve") << "text";
  const std::string digest = store_.publish(folder, describe_folder(folder, "documents", {}, 1));
  const fs::path file = root_ / "names";
  export_bundle(store_, {{}, {digest}}, {digest}, file);
  const ArtifactStore other(root_ / "other");
  import_bundle(other, file);
  EXPECT_EQ(read_file(other.artifact_path(digest) / deep), "deep");
}

// As that of an artifact of hundreds of thousands of files, or of a parameter that lists as many.
TEST_F(BundleTest, CarriesWhatTheStoreHoldsHoweverLongItIs) {
  StageResult result = made("base", model_);
  result.key_parts.insert(result.key_parts.begin(), {"text", std::string(17 << 20, 'x')});
  result.key = stage_key(result.key_parts);
  store_.write_result(result);
  const fs::path file = bundle();
  const ArtifactStore other(root_ / "other");
  EXPECT_EQ(import_bundle(other, file).fresh_results, 3u);
  EXPECT_TRUE(other.find_result(result.key));
}

TEST_F(BundleTest, LeavesOutWhatGcHasTakenAndSaysSo) {
  remove_tree(store_.artifact_path(source_));
  const fs::path file = root_ / "partial";
  const BundleReport report =
      export_bundle(store_, Lineage(store_.results()).above({model_}), {model_}, file);
  EXPECT_EQ(report.missing, 1u);
  EXPECT_EQ(report.results, 1u);
  const ArtifactStore other(root_ / "other");
  import_bundle(other, file);
  EXPECT_TRUE(other.find_result(second_.key));
}

TEST_F(BundleTest, ExportsNothingDamaged) {
  damage_file(store_.artifact_path(source_) / "a.txt", "SOURCE");
  const fs::path file = root_ / "damaged";
  EXPECT_THROW(export_bundle(store_, Lineage(store_.results()).above({model_}), {model_}, file),
               StoreError);
  for (const auto& entry : fs::directory_iterator(root_))
    EXPECT_EQ(entry.path().string().find("damaged"), std::string::npos) << entry.path();
}

TEST_F(BundleTest, KeepsItsOwnResultWhereTheBundleHasAnother) {
  const fs::path file = bundle();
  const ArtifactStore other(root_ / "other");
  const StageResult mine = made("source", publish(other, "mine"));
  ASSERT_EQ(mine.key, first_.key);
  other.write_result(mine);
  const BundleReport report = import_bundle(other, file);
  EXPECT_EQ(report.other, std::vector<std::string>{first_.key});
  EXPECT_EQ(other.find_result(first_.key)->outputs.at("documents").digest,
            mine.outputs.at("documents").digest);
}

TEST_F(BundleTest, TheHandmadeBundleIsFineAsItIs) {
  const ArtifactStore other(root_ / "other");
  EXPECT_EQ(import_bundle(other, written(parts())).fresh_artifacts, 1u);
}

TEST_F(BundleTest, RefusesNamesThatLeaveItsFolder) {
  for (const char* name : {"../../evil", "/etc/evil", "artifacts/../../evil", "evil"}) {
    Parts hostile = parts();
    hostile.files[1].first = name;
    EXPECT_NE(refusal(written(hostile)).find("should be"), std::string::npos) << name;
  }
  Parts hostile = parts();  // an artifact that lists such a name itself
  hostile.artifact.files[0].name = "../../evil";
  const std::string digest = hostile.artifact.digest();
  hostile.contents["named"] = hostile.contents["artifacts"] = {digest};
  hostile.files = {{"artifacts/" + digest + "/artifact.json", hostile.artifact.to_json().dump()},
                   {"artifacts/" + digest + "/../../evil", "model"}};
  EXPECT_NE(refusal(written(hostile)).find("is not allowed"), std::string::npos);
  for (const auto& entry : fs::recursive_directory_iterator(root_))
    EXPECT_EQ(entry.path().filename().string().find("evil"), std::string::npos) << entry.path();
}

TEST_F(BundleTest, RefusesAListThatIsNone) {
  for (const auto& [member, value] : std::vector<std::pair<const char*, nlohmann::json>>{
           {"bytes", 1e300}, {"bytes", -1}, {"format", 1e300}, {"format", 2}, {"named", "x"}}) {
    Parts hostile = parts();
    hostile.contents[member] = value;
    EXPECT_NE(refusal(written(hostile)), "") << member << " " << value;
  }
}

TEST_F(BundleTest, RefusesLinksAndOtherThings) {
  for (const auto type : {AE_IFLNK, AE_IFDIR, AE_IFIFO, AE_IFCHR}) {
    const fs::path file = root_ / ("link" + std::to_string(count_++));
    struct archive* out = archive_write_new();
    archive_write_set_format_pax_restricted(out);
    ASSERT_EQ(archive_write_open_filename(out, file.c_str()), ARCHIVE_OK);
    const auto add = [&](const std::string& name, const std::string& text, auto kind) {
      archive_entry* entry = archive_entry_new();
      archive_entry_copy_pathname(entry, name.c_str());
      archive_entry_set_filetype(entry, kind);
      archive_entry_set_perm(entry, 0644);
      archive_entry_set_size(entry, kind == AE_IFREG ? static_cast<la_int64_t>(text.size()) : 0);
      if (kind == AE_IFLNK) archive_entry_copy_symlink(entry, "/etc/passwd");
      ASSERT_EQ(archive_write_header(out, entry), ARCHIVE_OK) << archive_error_string(out);
      if (kind == AE_IFREG) archive_write_data(out, text.data(), text.size());
      archive_entry_free(entry);
    };
    const Parts good = parts();
    add("bundle.json", good.contents.dump(), AE_IFREG);
    add(good.files[0].first, good.files[0].second, AE_IFREG);
    add(good.files[1].first, "", type);
    ASSERT_EQ(archive_write_free(out), ARCHIVE_OK);
    const std::string why = refusal(file);
    EXPECT_TRUE(why.find("not a plain file") != std::string::npos ||
                why.find("should be") != std::string::npos)  // a folder's name ends with '/'
        << why;
  }
}

TEST_F(BundleTest, RefusesOtherSizesAndOtherContent) {
  Parts longer = parts();
  longer.files[1].second = "model and more";
  EXPECT_NE(refusal(written(longer)).find("14 bytes, not 5"), std::string::npos);
  Parts other = parts();
  other.files[1].second = "MODEL";
  EXPECT_NE(refusal(written(other)).find("is not what its artifact says"), std::string::npos);
  Parts more = parts();
  more.contents["bytes"] = 3;
  EXPECT_NE(refusal(written(more)).find("more than it announces"), std::string::npos);
  Parts huge = parts();
  huge.contents["bytes"] = std::uint64_t{1} << 62;
  EXPECT_NE(refusal(written(huge)).find("MiB are free"), std::string::npos);
  Parts trailing = parts();
  trailing.files.emplace_back("more", "x");
  EXPECT_NE(refusal(written(trailing)).find("more in it"), std::string::npos);
  Parts missing = parts();
  missing.files.pop_back();
  EXPECT_NE(refusal(written(missing)).find("ends before"), std::string::npos);
}

TEST_F(BundleTest, RefusesResultsThatDoNotFit) {
  const auto with_result = [&](const StageResult& result, const std::string& key) {
    Parts out = parts();
    const std::string text = [&] {
      store_.write_result(result);
      std::string bytes = read_file(store_.result_path(result.key));
      store_.discard(store_.result_path(result.key));
      return bytes;
    }();
    out.contents["results"] = {key};
    out.contents["bytes"] = out.artifact.bytes() + text.size();
    out.files.insert(out.files.begin(), {"results/" + key + ".json", text});
    return written(out);
  };
  StageResult forged = made("base", model_);
  forged.key_parts.emplace_back("with.more", "1");
  EXPECT_NE(refusal(with_result(forged, forged.key)).find("another key"), std::string::npos);
  const StageResult absent = made("base", source_);  // the bundle does not hold it
  EXPECT_NE(refusal(with_result(absent, absent.key)).find("there is no artifact"),
            std::string::npos);
  StageResult retyped = made("base", model_);
  retyped.outputs["documents"].type = "model";
  EXPECT_NE(refusal(with_result(retyped, retyped.key)).find("takes a documents for a model"),
            std::string::npos);
}

TEST_F(BundleTest, EveryTruncationAndAnyFlippedByteIsRefusedOrHarmless) {
  const std::string bytes = read_file(bundle());
  const fs::path file = root_ / "broken";
  for (std::size_t size = 0; size + 8 < bytes.size(); size += 7) {
    std::ofstream(file, std::ios::binary) << bytes.substr(0, size);
    EXPECT_NE(refusal(file), "") << size;
  }
  for (std::size_t at = 0; at < bytes.size(); at += 11) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    std::ofstream(file, std::ios::binary) << flipped;
    const ArtifactStore other(root_ / ("flip" + std::to_string(at)));
    try {
      import_bundle(other, file);
    } catch (const StoreError&) {
    }
    EXPECT_TRUE(other.verify(1).empty()) << at;
  }
}

}  // namespace
}  // namespace lehr::runtime
