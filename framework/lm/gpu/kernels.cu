// Our kernels for NVIDIA GPUs, compiled by NVRTC when a process first uses one (gpu_kernels.cpp).
// What each computes stands in kernels.h. T is float or bf16; sums run in float32, in an order that
// depends on the shapes alone. Rows and parts of rows are taken in packs of eight: widths are
// multiples of 8, and rows begin at multiples of 16 bytes.

struct bf16 {
  unsigned short bits;
};

__device__ inline float get(float x) { return x; }
__device__ inline float get(bf16 x) { return __uint_as_float(static_cast<unsigned>(x.bits) << 16); }
__device__ inline void put(float& to, float x) { to = x; }
__device__ inline void put(bf16& to, float x) {
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(to.bits) : "f"(x));
}
template <class T>
__device__ inline float rounded(float x) {
  T t;
  put(t, x);
  return get(t);
}

constexpr int kPack = 8;
template <class T>
struct alignas(16) Pack {
  T v[kPack];
};
template <class T>
__device__ inline Pack<T> load(const T* from) {
  return *reinterpret_cast<const Pack<T>*>(from);
}
template <class T>
__device__ inline void store(T* to, const Pack<T>& pack) {
  *reinterpret_cast<Pack<T>*>(to) = pack;
}

__device__ inline float warp_sum(float x) {
  for (int apart = 16; apart > 0; apart /= 2) x += __shfl_xor_sync(0xffffffffu, x, apart);
  return x;
}
__device__ inline float warp_max(float x) {
  for (int apart = 16; apart > 0; apart /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, apart));
  return x;
}

// Of all threads of a block, for all of them. scratch: 32 floats.
template <bool maximum>
__device__ inline float block_reduce(float x, float* scratch) {
  const int warps = blockDim.x / 32, lane = threadIdx.x % 32;
  x = maximum ? warp_max(x) : warp_sum(x);
  __syncthreads();  // scratch may still be read from the time before
  if (lane == 0) scratch[threadIdx.x / 32] = x;
  __syncthreads();
  x = lane < warps ? scratch[lane] : (maximum ? -3.4e38f : 0.0f);
  return maximum ? warp_max(x) : warp_sum(x);
}

// A warp a row. delta, sum, rstd_out may be null; sum may be x.
template <class T>
__global__ void rms_norm(const T* x, const T* delta, T* sum, const T* weight, T* y, float* rstd_out,
                         int rows, int width, float eps) {
  const int row = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (row >= rows) return;
  const long long at = static_cast<long long>(row) * width;
  float squares = 0;
  for (int c = lane * kPack; c < width; c += 32 * kPack) {
    Pack<T> p = load(x + at + c);
    if (delta != nullptr) {
      const Pack<T> d = load(delta + at + c);
#pragma unroll
      for (int i = 0; i < kPack; ++i) put(p.v[i], get(p.v[i]) + get(d.v[i]));
      store(sum + at + c, p);
    }
#pragma unroll
    for (int i = 0; i < kPack; ++i) squares += get(p.v[i]) * get(p.v[i]);
  }
  const float rstd = 1.0f / sqrtf(warp_sum(squares) / width + eps);
  if (lane == 0 && rstd_out != nullptr) rstd_out[row] = rstd;
  const T* from = delta != nullptr ? sum : x;
  for (int c = lane * kPack; c < width; c += 32 * kPack) {
    Pack<T> p = load(from + at + c);
    const Pack<T> w = load(weight + c);
#pragma unroll
    for (int i = 0; i < kPack; ++i) put(p.v[i], get(w.v[i]) * rounded<T>(get(p.v[i]) * rstd));
    store(y + at + c, p);
  }
}

// A warp a row.
template <class T>
__global__ void rms_norm_backward(const T* dy, const T* x, const T* weight, const float* rstd,
                                  T* dx, int rows, int width, int accumulate) {
  const int row = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (row >= rows) return;
  const long long at = static_cast<long long>(row) * width;
  const float s = rstd[row];
  float dot = 0;
  for (int c = lane * kPack; c < width; c += 32 * kPack) {
    const Pack<T> d = load(dy + at + c), p = load(x + at + c), w = load(weight + c);
#pragma unroll
    for (int i = 0; i < kPack; ++i) dot += get(d.v[i]) * get(w.v[i]) * (get(p.v[i]) * s);
  }
  const float mean = warp_sum(dot) / width;
  for (int c = lane * kPack; c < width; c += 32 * kPack) {
    const Pack<T> d = load(dy + at + c), p = load(x + at + c), w = load(weight + c);
    Pack<T> out = {};
    if (accumulate) out = load(dx + at + c);
#pragma unroll
    for (int i = 0; i < kPack; ++i)
      put(out.v[i], get(out.v[i]) + s * (get(d.v[i]) * get(w.v[i]) - get(p.v[i]) * s * mean));
    store(dx + at + c, out);
  }
}

// partial [gridDim.y, width] = sums of dy * x * rstd over blocks of rows. A thread a column.
template <class T>
__global__ void rms_norm_columns(const T* dy, const T* x, const float* rstd, float* partial,
                                 int rows, int width, int block_rows) {
  const int column = blockIdx.x * blockDim.x + threadIdx.x;
  if (column >= width) return;
  const int begin = blockIdx.y * block_rows, end = min(rows, begin + block_rows);
  float sum = 0;
#pragma unroll 8
  for (int r = begin; r < end; ++r) {
    const long long at = static_cast<long long>(r) * width + column;
    sum += get(dy[at]) * (get(x[at]) * rstd[r]);
  }
  partial[static_cast<long long>(blockIdx.y) * width + column] = sum;
}

// to [width] += the rows of partial, in their order.
__global__ void add_columns(const float* partial, float* to, int blocks, int width) {
  const int column = blockIdx.x * blockDim.x + threadIdx.x;
  if (column >= width) return;
  float sum = 0;
#pragma unroll 8
  for (int b = 0; b < blocks; ++b) sum += partial[static_cast<long long>(b) * width + column];
  to[column] += sum;
}

// A thread eight pairs.
template <class T>
__global__ void rope(T* qkv, const float* table, long long pairs_of_eight, long long stride,
                     int heads, int head_dim, float sign) {
  const long long item = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (item >= pairs_of_eight) return;
  const int packs = head_dim / (2 * kPack);
  const long long row = item / (heads * packs);
  const int rest = static_cast<int>(item - row * (heads * packs)), head = rest / packs;
  const int first = (rest - head * packs) * kPack;
  T* low = qkv + row * stride + head * head_dim + first;
  T* high = low + head_dim / 2;
  const float* angles = table + row * head_dim + first;
  const Pack<float> cosine = load(angles), sine = load(angles + head_dim / 2);
  Pack<T> a = load(low), b = load(high);
#pragma unroll
  for (int i = 0; i < kPack; ++i) {
    const float l = get(a.v[i]), h = get(b.v[i]), s = sign * sine.v[i];
    put(a.v[i], l * cosine.v[i] - h * s);
    put(b.v[i], h * cosine.v[i] + l * s);
  }
  store(low, a);
  store(high, b);
}

// A thread eight outputs.
template <class T>
__global__ void swiglu(const T* gate_up, T* y, long long packs, int width) {
  const long long item = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (item >= packs) return;
  const int row_packs = width / kPack;
  const long long row = item / row_packs;
  const int column = static_cast<int>(item - row * row_packs) * kPack;
  const T* gate = gate_up + row * 2 * width + column;
  Pack<T> g = load(gate);
  const Pack<T> u = load(gate + width);
#pragma unroll
  for (int i = 0; i < kPack; ++i)
    put(g.v[i], get(g.v[i]) / (1.0f + __expf(-get(g.v[i]))) * get(u.v[i]));
  store(y + row * width + column, g);
}

template <class T>
__global__ void swiglu_backward(const T* gate_up, const T* dy, T* d_gate_up, T* y, long long packs,
                                int width) {
  const long long item = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (item >= packs) return;
  const int row_packs = width / kPack;
  const long long row = item / row_packs;
  const int column = static_cast<int>(item - row * row_packs) * kPack;
  const long long gate_at = row * 2 * width + column;
  Pack<T> g = load(gate_up + gate_at), u = load(gate_up + gate_at + width);
  Pack<T> d = load(dy + row * width + column);
#pragma unroll
  for (int i = 0; i < kPack; ++i) {
    const float gate = get(g.v[i]), up = get(u.v[i]), slope = get(d.v[i]);
    const float sigmoid = 1.0f / (1.0f + __expf(-gate)), silu = gate * sigmoid;
    put(d.v[i], silu * up);
    put(u.v[i], slope * silu);
    put(g.v[i], slope * up * sigmoid * (1.0f + gate * (1.0f - sigmoid)));
  }
  store(d_gate_up + gate_at, g);
  store(d_gate_up + gate_at + width, u);
  store(y + row * width + column, d);
}

// A block a row. entropy and mean_logit: both null or neither.
template <class T>
__global__ void row_statistics(const T* logits, const int* targets, int width,
                               float inverse_temperature, float* logprob, float* entropy,
                               float* mean_logit, bool* correct) {
  __shared__ float scratch[32];
  const int row = blockIdx.x;
  const T* z = logits + static_cast<long long>(row) * width;
  float top = -3.4e38f;
  for (int c = threadIdx.x * kPack; c < width; c += blockDim.x * kPack) {
    const Pack<T> p = load(z + c);
#pragma unroll
    for (int i = 0; i < kPack; ++i) top = fmaxf(top, get(p.v[i]));
  }
  top = block_reduce<true>(top, scratch);
  float total = 0, weighted = 0, sum = 0;
  for (int c = threadIdx.x * kPack; c < width; c += blockDim.x * kPack) {
    const Pack<T> p = load(z + c);
#pragma unroll
    for (int i = 0; i < kPack; ++i) {
      const float d = (get(p.v[i]) - top) * inverse_temperature, e = __expf(d);
      total += e;
      weighted += e * d;
      sum += get(p.v[i]);
    }
  }
  total = block_reduce<false>(total, scratch);
  if (entropy != nullptr) {
    weighted = block_reduce<false>(weighted, scratch);
    sum = block_reduce<false>(sum, scratch);
  }
  if (threadIdx.x != 0) return;
  const float target = get(z[targets[row]]);
  logprob[row] = (target - top) * inverse_temperature - logf(total);
  correct[row] = target >= top;
  if (entropy == nullptr) return;
  entropy[row] = logf(total) - weighted / total;
  mean_logit[row] = sum / width;
}

// A block a row, in place. ge and entropy may be null.
template <class T>
__global__ void logits_gradient(T* logits, const int* targets, int width, float inverse_temperature,
                                const float* logprob, const float* entropy, const float* g,
                                const float* ge) {
  const int row = blockIdx.x, target = targets[row];
  T* z = logits + static_cast<long long>(row) * width;
  const float log_total = get(z[target]) * inverse_temperature - logprob[row];
  __syncthreads();  // all have read it before it is overwritten
  const float a = g[row] * inverse_temperature;
  const float b = ge != nullptr ? ge[row] * inverse_temperature : 0.0f;
  const float h = ge != nullptr ? entropy[row] : 0.0f;
  for (int c = threadIdx.x * kPack; c < width; c += blockDim.x * kPack) {
    Pack<T> p = load(z + c);
#pragma unroll
    for (int i = 0; i < kPack; ++i) {
      const float lp = get(p.v[i]) * inverse_temperature - log_total;
      const float slope = -__expf(lp) * (a + b * (lp + h));
      put(p.v[i], c + i == target ? slope + a : slope);
    }
    store(z + c, p);
  }
}

__device__ inline double warp_sum(double x) {
  for (int apart = 16; apart > 0; apart /= 2) x += __shfl_xor_sync(0xffffffffu, x, apart);
  return x;
}

// Eight columns of a row by their weights e^((z - top) * scale): the sum.
__device__ inline double weight(const float* z, int c, float top, float scale) {
  const Pack<float> p = load(z + c);
  double sum = 0;
#pragma unroll
  for (int i = 0; i < kPack; ++i) sum += static_cast<double>(__expf((p.v[i] - top) * scale));
  return sum;
}

// A block of 256 threads a row: the likeliest token (inverse_temperature 0), the first of equals, or
// the one at which `uniform` of all weight is passed. Each warp sums a part of the row that lies in
// one run; the one in whose part the token is looks for it.
__global__ void choose(const float* logits, const double* uniforms, int width,
                       float inverse_temperature, int* tokens, float* logprobs) {
  constexpr int kWarps = 8;
  __shared__ float tops[kWarps];
  __shared__ int firsts[kWarps];
  __shared__ double sums[kWarps];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, row = blockIdx.x;
  const float* z = logits + static_cast<long long>(row) * width;
  const int stripe = 32 * kPack;  // columns that a warp takes at a time
  const int part = (width / kPack + kWarps * 32 - 1) / (kWarps * 32) * stripe;
  const int begin = min(width, warp * part), end = min(width, begin + part);

  float top = -3.4e38f;
  int first = 0x7fffffff;
  for (int c = begin + lane * kPack; c < end; c += stripe) {
    const Pack<float> p = load(z + c);
#pragma unroll
    for (int i = 0; i < kPack; ++i)
      if (p.v[i] > top) top = p.v[i], first = c + i;
  }
  for (int apart = 16; apart > 0; apart /= 2) {
    const float other = __shfl_xor_sync(0xffffffffu, top, apart);
    const int its = __shfl_xor_sync(0xffffffffu, first, apart);
    if (other > top || (other == top && its < first)) top = other, first = its;
  }
  if (lane == 0) tops[warp] = top, firsts[warp] = first;
  __syncthreads();
  top = tops[0];
  first = firsts[0];
  for (int w = 1; w < kWarps; ++w)
    if (tops[w] > top) top = tops[w], first = firsts[w];

  const float scale = inverse_temperature == 0 ? 1.0f : inverse_temperature;
  double sum = 0;
  for (int c = begin + lane * kPack; c < end; c += stripe) sum += weight(z, c, top, scale);
  sum = warp_sum(sum);
  if (lane == 0) sums[warp] = sum;
  __syncthreads();
  double total = 0;
  for (int w = 0; w < kWarps; ++w) total += sums[w];
  if (inverse_temperature == 0) {
    if (threadIdx.x == 0) tokens[row] = first, logprobs[row] = -logf(static_cast<float>(total));
    return;
  }

  const double target = uniforms[row] * total;
  double before = 0;  // weight in front of the part in which the target is passed
  int chosen = -1;    // that part
  for (int w = 0; w < kWarps && chosen < 0; ++w) {
    if (before + sums[w] > target) chosen = w;
    else before += sums[w];
  }
  if (chosen < 0) {  // rounding left nothing in front: the likeliest
    if (threadIdx.x == 0) tokens[row] = first, logprobs[row] = -logf(static_cast<float>(total));
    return;
  }
  if (warp != chosen) return;
  // The last column with any weight that is met, in case rounding passes the target nowhere.
  int token = -1;
  for (int at = begin; at < end; at += stripe) {
    const int c = at + lane * kPack;
    const double own = c < end ? weight(z, c, top, scale) : 0;
    double up_to = own;  // of this lane and those before it
    for (int apart = 1; apart < 32; apart *= 2) {
      const double left = __shfl_up_sync(0xffffffffu, up_to, apart);
      if (lane >= apart) up_to += left;
    }
    const unsigned passed = __ballot_sync(0xffffffffu, own > 0 && before + up_to > target);
    const unsigned weighty = __ballot_sync(0xffffffffu, own > 0);
    const int owner = passed != 0 ? __ffs(passed) - 1 : weighty != 0 ? 31 - __clz(weighty) : -1;
    if (owner >= 0) {
      int found = -1;
      if (lane == owner) {
        double sum = before + up_to - own;
        for (int i = 0; i < kPack; ++i) {
          const float w = __expf((z[c + i] - top) * scale);
          if (w <= 0) continue;
          sum += static_cast<double>(w);
          found = c + i;
          if (sum > target) break;
        }
      }
      token = __shfl_sync(0xffffffffu, found, owner);
    }
    if (passed != 0) break;
    before += __shfl_sync(0xffffffffu, up_to, 31);
  }
  if (token < 0) token = first;
  if (lane == 0) {
    tokens[row] = token;
    logprobs[row] = (z[token] - top) * scale - logf(static_cast<float>(total));
  }
}
