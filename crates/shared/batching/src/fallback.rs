//! What happens when work on a batch as a whole fails.

use std::future::Future;
use std::sync::Arc;

use futures_util::future::join_all;

/// Works on items together. Should that fail, then on each by itself, all at the same time: none suffers for another, and
/// each gets the answer or the error that is its own.
///
/// `work` has to have done nothing when it fails, or has to be such that doing it again changes nothing.
pub async fn together_or_alone<I, O, E, Work, Doing>(items: Vec<I>, work: Work) -> Vec<Result<O, E>>
where
    Work: Fn(Vec<Arc<I>>) -> Doing,
    Doing: Future<Output = Result<Vec<O>, E>>,
{
    let items: Vec<Arc<I>> = items.into_iter().map(Arc::new).collect();
    match work(items.clone()).await {
        Ok(answers) => answers.into_iter().map(Ok).collect(),
        Err(error) if items.len() == 1 => vec![Err(error)],
        Err(_) => {
            let alone = items.into_iter().map(|item| async {
                let mut answers = work(vec![item]).await?;
                Ok(answers.pop().expect("one item in, one answer out"))
            });
            join_all(alone).await
        }
    }
}
