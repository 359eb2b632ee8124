#include "page.h"

#include <gtest/gtest.h>

namespace lehr::data {
namespace {

// Whatever the corpus says, the page holds no element, attribute or address of its making.
TEST(Page, EscapesAllTextAndNeedsNothingElse) {
  const std::string evil = "</pre><script src=\"http://x\">'&\x1b";
  Request request;
  request.title = request.type = request.made_by = evil;
  Statistics statistics;
  statistics.facts = {{evil, evil}};
  Distribution one;
  one.add(7);
  statistics.panels = {{evil, evil, {{"train", one}, {"eval", one}}}};
  statistics.examples = {{evil, evil, ""}};
  statistics.amounts = {{evil, evil, {{evil, 1, 14, 4}}}};
  statistics.scores = {{evil, 1, {}}};
  statistics.lengths = {{evil, 5, 2, 1}};
  text::DocumentSummary summary;
  summary.keep(evil);
  summary.drop(evil, evil, evil);
  summary.add_source(evil, {1, 2, 3, 0.5});
  summary.replace(evil, 3);
  for (int i = 0; i < 5; ++i) summary.read(evil);  // beside the source's one
  statistics.summary = summary;
  const std::string html = page(request, statistics);
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find("</pre><"), html.find("</pre></details>"));
  EXPECT_EQ(html.find('\x1b'), std::string::npos);
  EXPECT_EQ(html.find("<link"), std::string::npos);
  EXPECT_EQ(html.find("url("), std::string::npos);
  EXPECT_EQ(html.find("@import"), std::string::npos);
  EXPECT_NE(html.find("&lt;script src=&quot;http://x&quot;&gt;&#39;&amp;\\x1b"), std::string::npos);
  EXPECT_NE(html.find("<td class=n>3<td class=n>500.00"), std::string::npos);  // in six documents
  EXPECT_NE(html.find("33.33 %"), std::string::npos);             // one of three dropped
  EXPECT_NE(html.find("<td class=n>62.5 %"), std::string::npos);  // five of eight chosen are longer
  EXPECT_NE(html.find("<td class=n>3.50"), std::string::npos);    // bytes per token
}

TEST(Page, ShowsWhatWasReplacedOnlyWhereSomethingWasLookedFor) {
  Statistics statistics;
  statistics.summary.emplace();
  EXPECT_EQ(page({}, statistics).find("Replaced"), std::string::npos);
  statistics.summary->replace("emails", 0);
  EXPECT_NE(page({}, statistics).find("<td>emails<td class=n>0<td class=n>0.00"),
            std::string::npos);
}

}  // namespace
}  // namespace lehr::data
