//! An error report as an HTTP answer.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use connect_shared::error::{ErrorReport, Exit};
use http::{HeaderValue, StatusCode, header};

use crate::{
    catalog::CatalogError,
    grants::GrantRefusal,
    identity::TokenError,
    log::{LogClosed, ReceiptUnavailable},
    serve::record_unavailable,
};

/// What a handler answers if it cannot answer what was asked.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    report: Box<ErrorReport>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, report: ErrorReport) -> Self {
        Self { status, report: Box::new(report) }
    }

    /// What a page says of it.
    pub(crate) fn into_parts(self) -> (StatusCode, ErrorReport) {
        (self.status, *self.report)
    }

    /// The stable code of the report.
    pub(super) fn code(&self) -> &str {
        &self.report.code
    }
}

impl From<ErrorReport> for ApiError {
    fn from(report: ErrorReport) -> Self {
        let status = match report.exit {
            Exit::Usage => StatusCode::BAD_REQUEST,
            Exit::SignInNeeded => StatusCode::UNAUTHORIZED,
            Exit::Denied | Exit::ApprovalNeeded => StatusCode::FORBIDDEN,
            Exit::NotFound => StatusCode::NOT_FOUND,
            Exit::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, report)
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        error.report().into()
    }
}

impl From<GrantRefusal> for ApiError {
    fn from(refusal: GrantRefusal) -> Self {
        refusal.report().into()
    }
}

impl From<LogClosed> for ApiError {
    fn from(error: LogClosed) -> Self {
        record_unavailable(&error).into()
    }
}

impl From<CatalogError> for ApiError {
    fn from(error: CatalogError) -> Self {
        tracing::warn!(%error, "a statement cannot be explained");
        let words = "the agent cannot read this database's catalog now, so it understands nothing";
        let report = ErrorReport::new("catalog_unreadable", Exit::Unreachable, words);
        report.help("try again in a moment; the agent's `/readyz` says what is wrong").retryable().into()
    }
}

impl From<ReceiptUnavailable> for ApiError {
    fn from(error: ReceiptUnavailable) -> Self {
        tracing::warn!(%error, "a receipt cannot be made");
        let report =
            ErrorReport::new("receipt_unavailable", Exit::Unreachable, "the receipt cannot be made now");
        report.help("try again in a moment").retryable().into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(&self.report)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 6750, 3
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
