/** Reports of a load test: text, JSON, HdrHistogram log, HTML, and limits that fail a build. */
@org.jspecify.annotations.NullMarked
package dev.understudy.loadtest.report;
