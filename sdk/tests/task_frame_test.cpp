// What an idle connection that a Task serves costs: its frame, and what the wrapper keeps beside it. Optimised, as plugins are.
#include <gatehouse/plugin.hpp>
#include <gatehouse/task.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <new>

namespace {

std::size_t largest = 0;

struct Echo { // as in task.hpp
    gatehouse::Task<> serve(gatehouse::Stream& client) {
        while (auto chunk = co_await client.some())
            if (!co_await client.write(*chunk)) co_return;
    }
};

} // namespace

void* operator new(std::size_t size) {
    largest = std::max(largest, size);
    if (void* const memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }

gatehouse::Task<> kept; // so that the compiler allocates the frame

int main() {
    alignas(gatehouse::Stream) static char room[sizeof(gatehouse::Stream)];
    Echo echo;
    kept = echo.serve(reinterpret_cast<gatehouse::Stream&>(room));
    std::printf("frame %zu bytes, beside it %zu bytes\n", largest, sizeof(gatehouse::detail::TaskRun<void>));
    return largest != 0 && largest <= 200 && sizeof(gatehouse::detail::TaskRun<void>) <= 80 ? 0 : 1;
}
