// Rows of zstd frames written again. The input says how the file is made and what becomes of its
// rows: of every two bytes, how long a row is and what it is like (it ends a frame, has no line
// end, ends in \r\n; is dropped, comes from elsewhere, is a document). What is read back are those
// rows.
#include <string>
#include <utility>

#include <lehr/value.h>

#include "input_file.h"
#include "text/kept_rows.h"

namespace {

using namespace lehr;

constexpr std::size_t kMostBytes = 2 << 20;

enum Bit {
  ends_frame = 1,
  no_line_end = 2,
  carriage_return = 4,
  dropped = 8,
  elsewhere = 16,
  document = 32
};

std::string decompressed(const std::string& frames) {
  if (frames.empty()) return {};
  const fuzz::InputFile file(reinterpret_cast<const std::uint8_t*>(frames.data()), frames.size());
  text::CompressedFile in(file.path());
  std::string all(2 * kMostBytes, '\0');
  all.resize(in.read(all.data(), all.size()));
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  text::FrameCompressor compressor;
  std::string file, text, frame;
  for (std::size_t i = 0; i + 1 < size && text.size() + frame.size() < kMostBytes; i += 2) {
    std::string row = std::to_string(i);
    row.append(std::size_t{data[i]} * 48, static_cast<char>('a' + i / 2 % 26));
    frame += row + ((data[i + 1] & carriage_return) != 0 ? "\r" : "") +
             ((data[i + 1] & no_line_end) != 0 ? "" : "\n");
    if ((data[i + 1] & ends_frame) == 0) continue;
    file += compressor.compress(frame);
    text += std::exchange(frame, {});
  }
  if (!frame.empty()) file += compressor.compress(frame);
  text += frame;
  if (file.empty()) return 0;

  const fuzz::InputFile input(reinterpret_cast<const std::uint8_t*>(file.data()), file.size());
  text::LineBlocks blocks({input.path()},
                          {.block_bytes = 1024 + std::size_t{data[0]} * 1024, .keep_frames = true});
  text::KeptRows rows;
  std::string read, written, expected;
  std::size_t number = 0;
  for (text::LineBlock block; blocks.next(block);) {
    read += block.bytes();
    rows.start(block, compressor);
    std::string_view rest = block.bytes();
    for (std::string_view row; text::take_line(rest, row); ++number) {
      const std::uint8_t fate = data[(2 * number + 1) % size];
      if ((fate & dropped) != 0) continue;
      if ((fate & document) != 0) {
        rows.add(text::Document{"a", "b", ""});
        expected += "{\"id\":\"a\",\"text\":\"b\"}\n";
        continue;
      }
      expected.append(row) += '\n';
      const std::string copy(row);
      rows.add((fate & elsewhere) != 0 ? std::string_view(copy) : row);
    }
    rows.finish();
    written += rows.frames();
  }
  if (read != text) std::abort();
  if (decompressed(written) != expected) std::abort();
  return 0;
}
