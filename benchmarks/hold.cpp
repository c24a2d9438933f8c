// Hold model on std::priority_queue: take the earliest entry, put it back later, again and again.
// hold TIMES INCREMENTS OPERATIONS: two files of float64, number of operations. Prints seconds of processor time and the last time taken.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <queue>
#include <vector>

struct Entry {
    double time;
    std::int32_t node;
    bool operator>(const Entry &other) const { return time > other.time; }
};

static std::vector<double> read(const char *path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    std::vector<double> numbers(file.tellg() / sizeof(double));
    file.seekg(0);
    file.read(reinterpret_cast<char *>(numbers.data()), numbers.size() * sizeof(double));
    return numbers;
}

int main(int, char **argv) {
    const std::vector<double> times = read(argv[1]), increments = read(argv[2]);
    const long operations = std::atol(argv[3]);
    std::priority_queue<Entry, std::vector<Entry>, std::greater<Entry>> queue;
    for (std::size_t node = 0; node < times.size(); ++node)
        queue.push({times[node], static_cast<std::int32_t>(node)});
    const std::size_t mask = increments.size() - 1;
    double last = 0.0;
    const std::clock_t start = std::clock();
    for (long k = 0; k < operations; ++k) {
        Entry entry = queue.top();
        queue.pop();
        last = entry.time;
        entry.time += increments[k & mask];
        queue.push(entry);
    }
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    std::printf("%.9g %a\n", seconds, last);
}
