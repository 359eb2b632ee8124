#include "lm/gpu_driver.h"

#include <dlfcn.h>

#include <map>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace lehr::lm::gpu {

extern const char* const kKernelText;  // gpu/kernels.cu, see CMakeLists.txt

namespace {

constexpr int kMajor = 75, kMinor = 76;  // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*
constexpr int kRelaxed = 2;              // CU_STREAM_CAPTURE_MODE_RELAXED: others may ask meanwhile

// Every name that kernel() may be asked for: NVRTC compiles the templates that it is told of.
std::vector<std::string> kernel_names() {
  std::vector<std::string> names = {"add_columns", "choose"};
  for (const char* name : {"rms_norm", "rms_norm_backward", "rms_norm_columns", "rope", "swiglu",
                           "swiglu_backward", "row_statistics", "logits_gradient"})
    for (const char* type : {"float", "bf16"})
      names.push_back(std::string(name) + "<" + type + ">");
  return names;
}

class Library {
 public:
  explicit Library(const char* name) : name_(name), handle_(dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr)
      throw std::runtime_error(std::string("GPU: ") + name + " does not load: " + dlerror());
  }
  template <class F>
  void find(F*& function, const char* name) const {
    function = reinterpret_cast<F*>(dlsym(handle_, name));
    if (function == nullptr)
      throw std::runtime_error(std::string("GPU: ") + name_ + " has no function " + name);
  }

 private:
  const char* name_;
  void* handle_;  // for the life of the process
};

struct Nvrtc {
  using Program = void*;
  int (*create)(Program*, const char* text, const char* name, int, const char* const*,
                const char* const*);
  int (*add_name)(Program, const char*);
  int (*compile)(Program, int, const char* const* options);
  int (*log_size)(Program, std::size_t*);
  int (*log)(Program, char*);
  int (*cubin_size)(Program, std::size_t*);
  int (*cubin)(Program, char*);
  int (*lowered_name)(Program, const char*, const char**);
  int (*destroy)(Program*);

  Nvrtc() {
    // LibTorch's own library: it brings NVRTC from where LibTorch has it.
    const Library library("libcaffe2_nvrtc.so");
    library.find(create, "nvrtcCreateProgram");
    library.find(add_name, "nvrtcAddNameExpression");
    library.find(compile, "nvrtcCompileProgram");
    library.find(log_size, "nvrtcGetProgramLogSize");
    library.find(log, "nvrtcGetProgramLog");
    library.find(cubin_size, "nvrtcGetCUBINSize");
    library.find(cubin, "nvrtcGetCUBIN");
    library.find(lowered_name, "nvrtcGetLoweredName");
    library.find(destroy, "nvrtcDestroyProgram");
  }
};

class Driver {
 public:
  Driver() {
    const Library library("libcuda.so.1");
    library.find(error_string_, "cuGetErrorString");
    library.find(init_, "cuInit");
    library.find(device_, "cuDeviceGet");
    library.find(name_, "cuDeviceGetName");
    library.find(attribute_, "cuDeviceGetAttribute");
    library.find(retain_, "cuDevicePrimaryCtxRetain");
    library.find(set_current_, "cuCtxSetCurrent");
    library.find(load_, "cuModuleLoadData");
    library.find(function_, "cuModuleGetFunction");
    library.find(launch_, "cuLaunchKernel");
    library.find(begin_capture_, "cuStreamBeginCapture_v2");
    library.find(end_capture_, "cuStreamEndCapture");
    library.find(instantiate_, "cuGraphInstantiateWithFlags");
    library.find(destroy_graph_, "cuGraphDestroy");
    library.find(launch_graph_, "cuGraphLaunch");
    library.find(destroy_executable_, "cuGraphExecDestroy");
    check(init_(0), "cuInit");
    check(device_(&gpu_, 0), "cuDeviceGet");
    int major = 0, minor = 0;
    check(attribute_(&major, kMajor, gpu_), "cuDeviceGetAttribute");
    check(attribute_(&minor, kMinor, gpu_), "cuDeviceGetAttribute");
    capability_ = 10 * major + minor;
  }

  std::string name() const {
    char text[256] = "";
    check(name_(text, sizeof text, gpu_), "cuDeviceGetName");
    return text;
  }
  int capability() const { return capability_; }

  Kernel kernel(const std::string& name) {
    const std::lock_guard lock(mutex_);
    enter();
    if (kernels_.empty()) compile();
    return kernels_.at(name);
  }

  void launch(Kernel kernel, Grid grid, void* stream, void** arguments) {
    enter();
    check(launch_(kernel, static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y), 1,
                  static_cast<unsigned>(grid.threads), 1, 1, 0, stream, arguments, nullptr),
          "cuLaunchKernel");
  }

  void* record(void* stream, const std::function<void()>& ask) {
    enter();
    void *graph = nullptr, *executable = nullptr;
    check(begin_capture_(stream, kRelaxed), "cuStreamBeginCapture");
    try {
      ask();
    } catch (...) {
      end_capture_(stream, &graph);
      if (graph != nullptr) destroy_graph_(graph);
      throw;
    }
    check(end_capture_(stream, &graph), "cuStreamEndCapture");
    const int made = instantiate_(&executable, graph, 0);
    destroy_graph_(graph);
    check(made, "cuGraphInstantiate");
    return executable;
  }
  void launch(void* executable, void* stream) {
    enter();
    check(launch_graph_(executable, stream), "cuGraphLaunch");
  }
  void destroy(void* executable) { destroy_executable_(executable); }

 private:
  void check(int result, const char* what) const {
    if (result == 0) return;
    const char* text = nullptr;
    error_string_(result, &text);
    throw std::runtime_error(std::string("GPU: ") + what +
                             " failed: " + (text != nullptr ? text : std::to_string(result)));
  }

  // Threads of autograd come here too. The context is the one that ATen uses.
  void enter() {
    thread_local bool entered = false;
    if (entered) return;
    if (context_ == nullptr) check(retain_(&context_, gpu_), "cuDevicePrimaryCtxRetain");
    check(set_current_(context_), "cuCtxSetCurrent");
    entered = true;
  }

  void compile() {
    const Nvrtc nvrtc;
    Nvrtc::Program program = nullptr;
    nvrtc.create(&program, kKernelText, "kernels.cu", 0, nullptr, nullptr);
    const std::vector<std::string> names = kernel_names();
    for (const std::string& name : names) nvrtc.add_name(program, name.c_str());
    const std::string architecture = "--gpu-architecture=sm_" + std::to_string(capability_);
    const char* options[] = {architecture.c_str(), "--std=c++17"};
    if (nvrtc.compile(program, 2, options) != 0) {
      std::size_t size = 0;
      nvrtc.log_size(program, &size);
      std::string log(size, '\0');
      nvrtc.log(program, log.data());
      throw std::runtime_error("GPU: the kernels do not compile for compute capability " +
                               std::to_string(capability_) + ": " + log);
    }
    std::size_t size = 0;
    nvrtc.cubin_size(program, &size);
    std::vector<char> cubin(size);
    nvrtc.cubin(program, cubin.data());
    void* module = nullptr;
    check(load_(&module, cubin.data()), "cuModuleLoadData");
    for (const std::string& name : names) {
      const char* lowered = nullptr;
      nvrtc.lowered_name(program, name.c_str(), &lowered);
      Kernel found = nullptr;
      check(function_(&found, module, lowered), "cuModuleGetFunction");
      kernels_[name] = found;
    }
    nvrtc.destroy(&program);
  }

  int (*error_string_)(int, const char**);
  int (*init_)(unsigned);
  int (*device_)(int*, int);
  int (*name_)(char*, int, int);
  int (*attribute_)(int*, int, int);
  int (*retain_)(void**, int);
  int (*set_current_)(void*);
  int (*load_)(void**, const void*);
  int (*function_)(Kernel*, void*, const char*);
  int (*launch_)(Kernel, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                 void* stream, void**, void**);
  int (*begin_capture_)(void* stream, int mode);
  int (*end_capture_)(void* stream, void** graph);
  int (*instantiate_)(void** executable, void* graph, unsigned long long flags);
  int (*destroy_graph_)(void* graph);
  int (*launch_graph_)(void* executable, void* stream);
  int (*destroy_executable_)(void* executable);
  std::mutex mutex_;
  int gpu_ = 0, capability_ = 0;
  void* context_ = nullptr;
  std::map<std::string, Kernel> kernels_;
};

Driver& driver() {
  static Driver driver;
  return driver;
}

}  // namespace

std::string model() { return driver().name(); }
int compute_capability() { return driver().capability(); }
Kernel kernel(const std::string& name) { return driver().kernel(name); }

void launch(Kernel kernel, Grid grid, void* stream, void** arguments) {
  if (grid.x > 0 && grid.y > 0) driver().launch(kernel, grid, stream, arguments);
}

Graph::~Graph() {
  if (recorded()) driver().destroy(executable_);
}

void Graph::record(void* stream, const std::function<void()>& ask) {
  void* made = driver().record(stream, ask);
  if (recorded()) driver().destroy(executable_);
  executable_ = made;
}

void Graph::launch(void* stream) const { driver().launch(executable_, stream); }

}  // namespace lehr::lm::gpu
