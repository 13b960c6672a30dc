// SPDX-License-Identifier: Apache-2.0
#include "cli/top/screen.hpp"

#include <curses.h>
#include <langinfo.h>

#include <clocale>
#include <cstdio>
#include <string_view>

namespace tidegate::cli {
namespace {

// Bars and sparklines are UTF-8; a session without a locale (ssh, sudo, containers) mostly has a terminal with it.
void choose_locale() {
  std::setlocale(LC_ALL, "");
  if (std::string_view(nl_langinfo(CODESET)) != "UTF-8") std::setlocale(LC_CTYPE, "C.UTF-8");
}

short pair_of(Paint paint) {
  switch (paint) {
    case Paint::kRed:
      return 1;
    case Paint::kGreen:
      return 2;
    case Paint::kYellow:
      return 3;
    default:
      return 0;
  }
}

attr_t attributes_of(Paint paint, bool colours) {
  if (paint == Paint::kBold) return A_BOLD;
  if (paint == Paint::kDim) return A_DIM;
  const short pair = pair_of(paint);
  if (pair == 0) return A_NORMAL;
  if (!colours) return paint == Paint::kGreen ? A_NORMAL : A_BOLD;
  return static_cast<attr_t>(COLOR_PAIR(pair)) | (paint == Paint::kRed ? A_BOLD : A_NORMAL);
}

bool start_colours() {
  if (!has_colors()) return false;
  start_color();
  use_default_colors();
  init_pair(1, COLOR_RED, -1);
  init_pair(2, COLOR_GREEN, -1);
  init_pair(3, COLOR_YELLOW, -1);
  return true;
}

}  // namespace

Outcome<std::unique_ptr<Screen>> Screen::open(bool colours) {
  choose_locale();
  SCREEN* terminal = newterm(nullptr, stdout, stdin);
  if (terminal == nullptr) {
    return refuse("this terminal cannot show a live screen (variable TERM); use `tidegate top --once`");
  }
  set_term(terminal);
  cbreak();
  noecho();
  curs_set(0);
  keypad(stdscr, TRUE);
  timeout(100);
  return std::unique_ptr<Screen>(new Screen(terminal, colours && start_colours()));
}

Screen::~Screen() {
  endwin();
  delscreen(static_cast<SCREEN*>(terminal_));
}

std::size_t Screen::width() const { return static_cast<std::size_t>(getmaxx(stdscr)); }
std::size_t Screen::height() const { return static_cast<std::size_t>(getmaxy(stdscr)); }

void Screen::draw(const std::vector<Line>& lines) {
  erase();
  for (std::size_t y = 0; y < lines.size(); ++y) {
    move(static_cast<int>(y), 0);
    for (const Span& span : lines[y]) {
      attrset(static_cast<int>(attributes_of(span.paint, colours_)));
      addstr(span.text.c_str());
    }
  }
  attrset(static_cast<int>(A_NORMAL));
  refresh();
}

Screen::Key Screen::key() {
  switch (getch()) {
    case 'q':
    case 'Q':
      return Key::kQuit;
    case 's':
    case 'S':
      return Key::kNextGroup;
    case 'r':
    case 'R':
      return Key::kReset;
    case ' ':
      return Key::kPause;
    case KEY_RESIZE:
      return Key::kResize;
    default:
      return Key::kNone;
  }
}

}  // namespace tidegate::cli
