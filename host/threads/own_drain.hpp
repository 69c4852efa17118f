// A drain of one connection alone: an order to end it. The waits of the thread that serves it hear it as they hear the host's.
#pragma once

#include "base/bell.hpp"
#include "base/clock.hpp"

#include <atomic>

namespace gatehouse::host {

class OwnDrain {
  public:
    // The slot's next connection has none. [owner]
    void forget() noexcept { deadline_.store(never); }

    // From now on; `deadline`: when its waits end. An earlier one may follow. [who holds the owner]
    void start(Nanoseconds deadline) noexcept;
    // The wait that goes on, if one does, looks again at what it waits for. [who holds the owner]
    void ring() const noexcept {
        if (const Bell* bell = bell_.load()) bell->ring();
    }
    bool is_waited_for() const noexcept { return bell_.load() != nullptr; } // [any]

    bool started() const noexcept { return deadline_.load() != never; }
    Nanoseconds deadline() const noexcept { return deadline_.load(); }

    // While it exists, the calling thread serves that connection.
    class Serving {
      public:
        explicit Serving(OwnDrain& drain) noexcept;
        ~Serving();
        Serving(const Serving&) = delete;
        Serving& operator=(const Serving&) = delete;

      private:
        OwnDrain* const before_;
    };
    // Of the connection that the calling thread serves; null: it serves none.
    static OwnDrain* of_this_thread() noexcept;

    // While it exists, ring() wakes the calling thread. What is to wake it is looked at after it has been made.
    class Listening {
      public:
        explicit Listening(OwnDrain* drain) noexcept; // null: nobody rings
        ~Listening();
        Listening(const Listening&) = delete;
        Listening& operator=(const Listening&) = delete;

        // Readable while the bell rings; null: there is none, since nobody rings or no descriptor was left.
        const Bell* bell() const noexcept { return bell_; }

      private:
        OwnDrain* const drain_;
        const Bell* const bell_;
        const Bell* const before_;
    };

  private:
    std::atomic<Nanoseconds> deadline_{never};
    std::atomic<const Bell*> bell_{nullptr}; // of the thread that waits
};

} // namespace gatehouse::host
