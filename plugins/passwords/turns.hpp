// Turns to compute the hash of a password. A hash is made to cost time and memory, so no more are computed at a time than there
// are CPUs, over all instances of a plugin; the other logins wait in the order in which they came, and hold no thread.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <mutex>

namespace passwords {

class Turns {
  public:
    Turns(unsigned at_once, std::size_t most_waiting) noexcept : free_(at_once), room_(most_waiting) {}

    // Those of the plugin library that has this code. [any]
    static Turns& of_library();

    // One login's, from when it asks until this object goes. [any]
    class Turn {
      public:
        enum class State { waiting, here, refused }; // refused: too many wait

        // Asks. If it has to wait, wake() is called, by any thread, when its turn has come; it asks for no turn.
        Turn(Turns& turns, std::function<void()> wake);
        ~Turn();
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

        State state() const;

      private:
        friend class Turns;

        Turns& turns_; // constant after construction, as is the next
        const std::function<void()> wake_;
        State state_ = State::waiting;       // guarded by the mutex of turns_, as is the next
        std::list<Turn*>::iterator waiting_; // its place while it waits
    };

  private:
    std::mutex mutex_;
    unsigned free_; // guarded by mutex_, as are the next two
    std::size_t room_;
    std::list<Turn*> waiting_;
};

} // namespace passwords
