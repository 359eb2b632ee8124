// Whether the file of a fastText classifier says only what can be. fastText believes its files: a
// size that does not fit another one makes it read and write where nothing is, and counts that no
// training gives keep it busy without end.
//
//   i32 magic, version; i32 dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn,
//   maxn, lrUpdateRate; f64 t
//   i32 entries, words, labels; i64 tokens, moved (-1: none)
//   entries, the words first: bytes and a 0; i64 count; i8 0 for a word, 1 for a label
//   moved: i32 bucket, i32 the row behind those of the words that it has in a pruned matrix
//   u8 quantized, matrix of the words and buckets; u8 quantized, matrix of the labels
//
//   matrix     i64 rows, columns; f32 numbers
//   quantized  u8 with norms; i64 rows, columns; i32 codes; codes, quantizer;
//              with norms: a code for each row, quantizer
//   quantizer  i32 columns, parts, columns of a part, of the last part; f32, 256 for each column
#pragma once

#include <cstdint>
#include <istream>

namespace lehr::plugins::filter {

// in: at the beginning of a file of so many bytes. Throws Error with what is wrong, but for the
// file's name.
void check_fasttext_file(std::istream& in, std::uint64_t bytes);

}  // namespace lehr::plugins::filter
